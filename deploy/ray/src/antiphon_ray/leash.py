"""Leash: a child process that is ended, once and in order, when its parent lets go of it or is killed."""

from __future__ import annotations

# The signal that Linux can send when a parent dies (PR_SET_PDEATHSIG) comes once for each of the parent's threads, and
# a second one means: at once.
LEASHED = """
import os, signal, threading

def wait():
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)

threading.Thread(target=wait, daemon=True).start()
"""
"""Begins a program for `python -c`, whose standard input is a pipe that the parent only closes."""
