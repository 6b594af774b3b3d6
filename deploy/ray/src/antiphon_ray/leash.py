"""Leash: a child process that is ended, in order, when its parent was killed."""

from __future__ import annotations

# The child asks Linux for that itself: what a parent does between fork and exec is not safe in a process with as many
# threads as Ray has.
LEASHED = """
import ctypes, signal
ctypes.CDLL(None).prctl(1, signal.SIGTERM)
"""
"""Begins a program for `python -c`."""
