from __future__ import annotations

import numpy as np
from antiphon_core.audio import Frame, TextMark
from antiphon_orchestrator.playout import HeardItem, OutFrame, Playout, PlayoutSettings, Script, Utterance

RATE_HZ = 24_000
FRAME_SAMPLES = 480


def tone(level: int = 1_000) -> bytes:
    return np.full(FRAME_SAMPLES, level, dtype="<i2").tobytes()


def filled(playout: Playout, frames: int, *, utterance_id: str = "u1", item_id: str = "i1", epoch: int = 1) -> None:
    playout.open(Utterance(utterance_id, item_id, epoch, Script("one two three four")))
    for seq in range(frames):
        assert playout.push(utterance_id, Frame(seq, tone(), FRAME_SAMPLES))


def test_speech_starts_at_once_and_stays_at_most_the_lead_ahead() -> None:
    playout = Playout(PlayoutSettings(RATE_HZ, lead_ms=60))
    filled(playout, 10)
    first = playout.tick(1_000)
    assert first.frames == (OutFrame("i1", 1, tone()),) * 3
    assert first.started == ("i1",)
    assert [len(playout.tick(now_ms).frames) for now_ms in (1_020, 1_040, 1_060)] == [1, 1, 1]


def test_a_held_reply_resumes_at_a_word_boundary() -> None:
    playout = Playout(PlayoutSettings(RATE_HZ))
    filled(playout, 40)
    for word in range(4):
        playout.mark("u1", TextMark(word * 5, 3, word * 10 * FRAME_SAMPLES))
    for now_ms in range(0, 300, 20):
        playout.tick(now_ms)
    playout.hold(300)
    (faded,) = playout.tick(300).frames
    assert np.abs(np.frombuffer(faded.pcm, "<i2")[-240:]).max() == 0
    assert playout.tick(320).frames == ()
    playout.resume()
    playout.tick(340)
    assert playout.heard("i1", 340).samples == 17 * FRAME_SAMPLES
    assert playout.flush(2, 340) == (HeardItem("i1", 17 * FRAME_SAMPLES, 8),)
