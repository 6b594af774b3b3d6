"""Engines on many machines: Ray Serve places, restarts and scales the workers of Antiphon."""
