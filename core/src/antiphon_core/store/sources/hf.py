"""`hf:` sources: a file of a repository on the Hugging Face hub, or on a mirror of it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

from antiphon_core.store.sources.http import HttpSource

_FORM = re.compile(r"(?P<repo>[^/@\s]+/[^/@\s]+)@(?P<revision>[^/\s]+)/(?P<path>.+)")


class HfSource(HttpSource):
    """`hf:org/repo@revision/path`. HF_ENDPOINT names a mirror; HF_TOKEN opens gated and private repositories."""

    remedy = "connect this machine to the network, or set HF_ENDPOINT to a mirror of the hub (HTTPS_PROXY to a proxy)"

    def _url(self) -> str:
        match = _FORM.fullmatch(self.rest)
        if match is None:
            raise ValueError("an hf: source has the form hf:org/repo@revision/path")
        endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
        return f"{endpoint}/{match['repo']}/resolve/{match['revision']}/{quote(match['path'])}"

    def _secret_headers(self) -> Mapping[str, str]:
        token = os.environ.get("HF_TOKEN")
        return {"Authorization": f"Bearer {token}"} if token else {}

    def _hint(self, status: int) -> str:
        if status not in {401, 403}:
            return ""
        return "; if the repository is gated, accept its terms on the hub and set HF_TOKEN"
