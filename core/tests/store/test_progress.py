from __future__ import annotations

import io

import pytest
from antiphon_core.store import CallbackProgress, Lines, Silent, TerminalBars, progress_on


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_terminal_gets_a_bar_and_a_log_gets_lines() -> None:
    assert isinstance(progress_on(Terminal()), TerminalBars)
    assert isinstance(progress_on(io.StringIO()), Lines)


def test_without_a_stream_it_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress_on().say("hibari: Apache-2.0, 14 MB")
    assert capsys.readouterr().err == "hibari: Apache-2.0, 14 MB\n"


def test_lines_come_at_most_every_ten_percent_and_five_seconds(clock: Clock) -> None:
    out = io.StringIO()
    bar = Lines(out, clock).start("hibari", 1_000)
    for second in range(1, 21):
        clock.now_s = float(second)
        bar.at(second * 40)
    assert out.getvalue().splitlines() == [f"hibari: {share} % of 1.0 kB" for share in (20, 40, 60, 80)]


def test_a_slow_fetch_is_silent_until_ten_percent_more_are_here(clock: Clock) -> None:
    out = io.StringIO()
    bar = Lines(out, clock).start("hibari", 1_000)
    for second in range(1, 100):
        clock.now_s = float(second)
        bar.at(second)
    assert out.getvalue() == ""


def test_a_quick_fetch_is_one_line_at_its_end(clock: Clock) -> None:
    out = io.StringIO()
    bar = Lines(out, clock).start("hibari", 14_032_178)
    for done_bytes in (1_000_000, 13_000_000, 14_032_178, 14_032_178):
        bar.at(done_bytes)
    bar.close()
    assert out.getvalue() == "hibari: 100 % of 14 MB\n"


def test_a_bar_is_drawn_over_itself_ten_times_a_second_at_most(clock: Clock) -> None:
    out = Terminal()
    bar = TerminalBars(out, clock).start("hibari", 2_000_000_000)
    bar.at(0)
    bar.at(500_000_000)
    clock.now_s = 0.2
    bar.at(1_000_000_000)
    bar.at(2_000_000_000)
    bar.close()
    assert out.getvalue() == (
        f"\r\x1b[Khibari [{'-' * 24}] 0 % of 2.0 GB"
        f"\r\x1b[Khibari [{'#' * 12}{'-' * 12}] 50 % of 2.0 GB"
        f"\r\x1b[Khibari [{'#' * 24}] 100 % of 2.0 GB\n"
    )


def test_a_line_in_between_wipes_the_bar_first() -> None:
    out = Terminal()
    TerminalBars(out).say("hibari: MIT, 999 bytes")
    assert out.getvalue() == "\r\x1b[Khibari: MIT, 999 bytes\n"


def test_an_empty_entry_is_whole_at_once(clock: Clock) -> None:
    out = Terminal()
    TerminalBars(out, clock).start("empty", 0).at(0)
    assert out.getvalue().endswith("0 % of 0 bytes")


def test_a_callback_learns_what_how_much_and_of_how_much() -> None:
    told: list[tuple[str, int, int]] = []
    lines: list[str] = []
    progress = CallbackProgress(lambda what, done, total: told.append((what, done, total)), lines.append)
    progress.say("a line")
    bar = progress.start("hibari", 14)
    bar.at(7)
    bar.close()
    assert told == [("hibari", 0, 14), ("hibari", 7, 14)]
    assert lines == ["a line"]


def test_a_callback_for_bytes_alone_leaves_lines_out() -> None:
    CallbackProgress(lambda what, done, total: None).say("nobody hears this")


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    silent = Silent()
    silent.say("a line")
    bar = silent.start("hibari", 14)
    bar.at(14)
    bar.close()
    assert capsys.readouterr() == ("", "")
