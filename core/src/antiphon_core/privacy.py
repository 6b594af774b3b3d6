"""Privacy: libraries that report to their makers what they are used for are told not to, before they are loaded."""

from __future__ import annotations

import os

REFUSALS = ("ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK")
"""What onnxruntime (1.29 and newer, as soon as it is imported), Hugging Face's hub and others look for."""

for refusal in REFUSALS:
    os.environ.setdefault(refusal, "1")
