"""llama.cpp's server in a process of its own; run by `llama_server`.

A process, because the extension holds Python's lock while it loads, and because a failed assertion in it ends the
process: callers shall notice neither. It ends when its standard input does, so it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import httpx

READY = "ready"
_LOG_ERRORS_ONLY = 1
_BATCH_TOKENS = 64
"""While one conversation is read, the others get their next word after so many tokens of it."""
_BEGINNING = "beginning"
_READ_S = 120.0
_SHORTEST_REUSED_TOKENS = 16
"""What stays of a conversation whose oldest turns were dropped is not read again if it is at least so long."""


def main() -> None:
    """Arguments: one JSON object with model, socket, threads, slots, context_tokens and first_messages."""
    options = json.loads(sys.argv[1])
    try:
        listening = serve(options)
    except (AttributeError, ImportError, RuntimeError) as error:  # missing, of another age, or no such model
        sys.exit(str(error))
    if listening and options["first_messages"]:
        read_ahead(options)
    sys.stdout.write(f"{READY}\n")
    sys.stdout.flush()
    sys.stdin.buffer.read()
    # Not an orderly end: that waits for answers on their way, which nobody waits for any more.
    os._exit(0)


def read_ahead(options: dict[str, Any]) -> None:
    """Reads what most conversations begin with, and gives it to every slot, so that none of them has to wait for it."""
    with httpx.Client(
        base_url="http://local-mind",
        transport=httpx.HTTPTransport(uds=options["socket"], verify=False),
        timeout=_READ_S,
    ) as client:
        begin = {"messages": options["first_messages"], "id_slot": 0, "max_tokens": 1}
        client.post("/v1/chat/completions", json=begin).raise_for_status()
        client.post("/slots/0", params={"action": "save"}, json={"filename": _BEGINNING}).raise_for_status()
        for slot in range(1, options["slots"]):
            answer = client.post(f"/slots/{slot}", params={"action": "restore"}, json={"filename": _BEGINNING})
            answer.raise_for_status()


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
    # A text is read faster by several threads; word for word they wait for each other as long as they save.
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = options["threads"]
    params.fit_params = False
    params.ui = False
    params.endpoint_metrics = True
    params.slot_save_path = f"{Path(options['socket']).parent}/"
    params.warmup = True
    params.verbosity = _LOG_ERRORS_ONLY
    return xllamacpp.Server(params)


if __name__ == "__main__":
    main()
