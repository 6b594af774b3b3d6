"""llama.cpp's server in a process of its own; run by `llama_server`.

A process, because the extension holds Python's lock while it loads, and because a failed assertion in it ends the
process: callers shall notice neither. It ends when its standard input does, so it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

READY = "ready"
_LOG_ERRORS_ONLY = 1
_BATCH_TOKENS = 64
"""While one conversation is read, the others get their next word after so many tokens of it."""
_SHORTEST_REUSED_TOKENS = 16
"""What stays of a conversation whose oldest turns were dropped is not read again if it is at least so long."""


def main() -> None:
    """Arguments: one JSON object with model, socket, threads, slots, context_tokens and first_messages."""
    options = json.loads(sys.argv[1])
    try:
        server = serve(options)
    except (AttributeError, ImportError, RuntimeError) as error:  # missing, of another age, or no such model
        sys.exit(str(error))
    if options["first_messages"]:
        threading.Thread(target=read_ahead, args=(server, options), daemon=True).start()
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    # Not an orderly end: that waits for answers on their way, which nobody waits for any more.
    os._exit(0)


def read_ahead(server: Any, options: dict[str, Any]) -> None:
    """Lets every slot read what most conversations begin with, so that none of them has to wait for it."""
    for slot in range(options["slots"]):
        server.handle_chat_completions({"messages": options["first_messages"], "id_slot": slot, "max_tokens": 1})


def serve(options: dict[str, Any]) -> Any:
    """It listens as long as the object lives."""
    import xllamacpp  # type: ignore[import-untyped]

    params = xllamacpp.CommonParams()
    params.model.path = options["model"]
    params.hostnames = [options["socket"]]
    params.n_parallel = options["slots"]
    params.n_ctx = options["slots"] * options["context_tokens"]
    params.n_batch = params.n_ubatch = _BATCH_TOKENS
    params.n_cache_reuse = _SHORTEST_REUSED_TOKENS
    # Every conversation has its slot; a second store of what was read would only cost memory.
    params.cache_ram_mib = 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = options["threads"]
    params.fit_params = False
    params.ui = False
    params.endpoint_metrics = True
    params.warmup = True
    params.verbosity = _LOG_ERRORS_ONLY
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
