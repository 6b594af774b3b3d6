from __future__ import annotations

import pytest
from antiphon_orchestrator.llm import sse
from antiphon_orchestrator.llm.sse import EventStream, EventTooLong
from hypothesis import given
from hypothesis import strategies as st


def events_of(stream: bytes) -> list[str]:
    parser = EventStream()
    return parser.feed(stream) + parser.end()


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_an_event_ends_with_an_empty_line(end: str) -> None:
    parser = EventStream()
    assert parser.feed(f"data: one{end}".encode()) == []
    assert parser.feed(f"{end}data: two{end}{end}".encode()) == ["one", "two"]


def test_the_space_behind_the_colon_is_optional_and_only_one() -> None:
    assert events_of(b"data:one\n\ndata:  two\n\n") == ["one", " two"]


def test_several_data_lines_are_one_event() -> None:
    assert events_of(b"data: one\ndata: two\ndata\n\n") == ["one\ntwo\n"]


def test_comments_and_other_fields_are_passed_over() -> None:
    assert events_of(b": ping\n\nevent: message\nid: 7\nretry: 10\ndata: one\nfoo\n\n: ping\n\n") == ["one"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert events_of(b"\xef\xbb\xbfdata: one\n\n") == ["one"]


def test_a_last_event_needs_no_empty_line() -> None:
    assert events_of(b"data: one\n\ndata: [DONE]") == ["one", "[DONE]"]


def test_characters_that_only_unicode_takes_for_line_ends_are_text() -> None:
    text = "a\u2028b\u2029c\x85d\x0be\x0cf"
    assert events_of(f"data: {text}\n\n".encode()) == [text]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert events_of(b"data: \xff\xfe!\n\n") == ["\ufffd\ufffd!"]


@pytest.mark.parametrize("stream", [b"x" * 40, b"data: " + b"x" * 40, b"data: 123456789\n" * 4])
def test_a_stream_without_end_is_refused(stream: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 32)
    parser = EventStream()
    with pytest.raises(EventTooLong):
        parser.feed(stream)


def test_many_short_events_are_no_long_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 32)
    assert len(events_of(b"data: 1234567\n\n" * 50)) == 50


LINES = st.lists(
    st.sampled_from(["data: a", "data: ü€😀", "data:", ": comment", "event: x", "", "", "data: b\x85c"]), max_size=12
)


@given(LINES, st.lists(st.sampled_from(["\n", "\r", "\r\n"]), min_size=12, max_size=12), st.data())
def test_how_the_bytes_arrive_changes_nothing(lines: list[str], ends: list[str], data: st.DataObject) -> None:
    stream = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=10)))
    parser = EventStream()
    events: list[str] = []
    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        events += parser.feed(stream[start:stop])
    assert events + parser.end() == events_of(stream)
