"""Draws what `antiphon top` shows, as wide as the terminal is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich import box
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from antiphon_orchestrator.cli.top_numbers import Latency, Picture

_SLOW_S = {"voice to voice": 1.5, "first audio": 1.0, "barge-in": 0.3, "tick lateness": 0.02}
_GIB, _MIB = 1 << 30, 1 << 20


def drawn(shown: Picture, server: str, trouble: str = "") -> RenderableType:
    """`trouble`: why this is not the newest."""
    beside = Columns([_latencies(shown), _conversations(shown)], padding=(0, 3))
    return Group(_head(shown, server, trouble), Text(), beside, Text(), _workers(shown))


def _head(shown: Picture, server: str, trouble: str) -> Text:
    if trouble:
        return Text.assemble(("antiphon ", "bold"), (trouble, "red"), "; this is from before:")
    head = Text.assemble(("antiphon ", "bold"), server, "  ")
    head.append(shown.status, "green" if shown.status == "ok" else "yellow")
    if shown.missing:
        head.append(f" (missing: {', '.join(shown.missing)})", "yellow")
    head.append(f"  {_bytes(shown.memory_bytes)}")
    if shown.cores is not None:
        head.append(f"  {shown.cores:.2f} cores")
    return head


def _conversations(shown: Picture) -> Table:
    table = _table("conversations", "")
    table.add_row("held", f"{shown.sessions} of {shown.places}")
    for state, count in shown.states.items():
        table.add_row(f"  {state}", str(count))
    for name, count in shown.counts.items():
        is_bad = name != "answers" and count
        table.add_row(name, Text(str(count), "yellow" if is_bad else ""))
    return table


def _latencies(shown: Picture) -> Table:
    over = f"last {shown.window_s:.0f} s" if shown.window_s else "since it began"
    table = _table(over, "p50", "p95", "times")
    for name, latency in shown.latencies.items():
        table.add_row(name, _ms(latency.p50_s), _coloured(name, latency), str(latency.count))
    return table


def _coloured(name: str, latency: Latency) -> Text:
    is_slow = latency.p95_s is not None and latency.p95_s > _SLOW_S[name]
    return Text(_ms(latency.p95_s), "red" if is_slow else "")


def _workers(shown: Picture) -> RenderableType:
    if not shown.workers:
        return Text("no speech worker", "red")
    table = _table("worker", "engine", "state", "speaks", "waits", "first audio", "rtf", "memory", "loaded")
    for column in (1, 2, 8):
        table.columns[column].justify = "left"
    for column in (1, 8):  # where it is narrow, these take two lines
        table.columns[column].no_wrap = False
    for worker in shown.workers:
        table.add_row(
            str(worker["id"]),
            f"{worker['engine']} on {worker['device']}",
            _state(worker),
            str(worker["in_flight"]),
            str(worker["queued"]),
            f"{worker['first_audio_p50_ms']:.0f} ms",
            f"{worker['real_time_factor_p50']:.2f}",
            _bytes(worker["memory_bytes"]),
            ", ".join(_loaded(worker)) or "none",
        )
    return table


def _state(worker: Mapping[str, Any]) -> Text:
    if worker["draining"]:
        return Text("ends", "yellow")
    return Text("rests", "red") if worker["resting"] else Text("ok", "green")


def _loaded(worker: Mapping[str, Any]) -> list[str]:
    near = {"resident": "{}", "loading": "{} (loading)"}
    return [near[state].format(model) for model, state in worker["models"].items() if state in near]


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _ms(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"


def _bytes(count: float) -> str:
    return f"{count / _GIB:.1f} GiB" if count >= _GIB else f"{count / _MIB:.0f} MiB"
