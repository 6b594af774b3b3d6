"""Looks into the local model's process."""

from __future__ import annotations

import re

import httpx
from antiphon_orchestrator.llm.local import LocalLlm


def is_at_work(llm: LocalLlm) -> bool:
    return any(slot["is_processing"] for slot in _get(llm, "/slots").json())


def tokens_read(llm: LocalLlm) -> int:
    """Since it was loaded; what was remembered is not read."""
    found = re.search(r"^llamacpp:prompt_tokens_total (\d+)", _get(llm, "/metrics").text, re.MULTILINE)
    assert found
    return int(found[1])


def _get(llm: LocalLlm, path: str) -> httpx.Response:
    with httpx.Client(transport=httpx.HTTPTransport(uds=llm.server.socket), timeout=30) as client:
        return client.get(f"http://local-mind{path}")
