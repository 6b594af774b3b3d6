"""Resampler: a stream of samples from one rate to another, through FFmpeg, not shifted and not shortened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import av
import numpy as np
from av.filter import Graph

from antiphon_core.audio import Samples


class Resampler:
    """Makes `ceil(n * out / in)` samples of n. How the signal was cut into pushes changes no bit of them.

    FFmpeg keeps what its filter still needs, about 0.7 ms at 24 kHz, and aligns the first sample out with the first
    one in. Equal rates pass through untouched.
    """

    def __init__(self, in_rate_hz: int, out_rate_hz: int) -> None:
        self._in_rate_hz = in_rate_hz
        self._out_rate_hz = out_rate_hz
        self._taken = 0
        self._made = 0
        self._graph = _graph(in_rate_hz, out_rate_hz) if in_rate_hz != out_rate_hz else None

    def push(self, samples: Samples) -> Samples:
        self._taken += len(samples)
        return self._converted(samples)

    def finish(self) -> Samples:
        """The rest. Silence pushes it out: FFmpeg's own flush drops utterances shorter than its filter."""
        owed = -(-self._taken * self._out_rate_hz // self._in_rate_hz) - self._made
        silence = np.zeros(max(64, self._in_rate_hz // 50), np.int16)
        rest = np.zeros(0, np.int16)
        while len(rest) < owed:
            rest = np.concatenate((rest, self._converted(silence)))
        return rest[: max(owed, 0)]

    def _converted(self, samples: Samples) -> Samples:
        if self._graph is None or not len(samples):
            made = samples
        else:
            made = np.concatenate((np.zeros(0, np.int16), *_through(self._graph, samples, self._in_rate_hz)))
        self._made += len(made)
        return made


def _graph(in_rate_hz: int, out_rate_hz: int) -> Graph:
    """What av.AudioResampler builds, but without its threads: by default every graph starts one a CPU core."""
    graph = Graph()
    with suppress(AttributeError):  # PyAV before 17.1 has no say in it
        graph.threads = 1
    graph.link_nodes(
        graph.add("abuffer", sample_rate=str(in_rate_hz), sample_fmt="s16", channel_layout="mono"),
        graph.add("aresample", str(out_rate_hz)),
        graph.add("aformat", sample_fmts="s16", channel_layouts="mono"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _through(graph: Graph, samples: Samples, rate_hz: int) -> Iterator[Samples]:
    frame = av.AudioFrame("s16", "mono", len(samples))
    frame.sample_rate = rate_hz
    frame.planes[0].update(samples.tobytes())
    graph.push(frame)
    while True:
        try:
            made = graph.pull()
        except BlockingIOError:
            return
        assert isinstance(made, av.AudioFrame)
        yield np.frombuffer(memoryview(made.planes[0]), np.int16, made.samples)
