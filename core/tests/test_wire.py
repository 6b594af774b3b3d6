from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import grpc
import pytest
from antiphon_core import errors
from antiphon_core.audio import WIRE_RATES_HZ, Frame, PcmFormat, TextMark
from antiphon_core.errors import AntiphonError, BadFormat, BadRequest, EngineFailed, WorkerGone
from antiphon_core.models import Capability, ModelInfo, VoiceInfo
from antiphon_core.registry.base import (
    Limits,
    Load,
    LoadProgress,
    LoadStage,
    ModelState,
    ModelStatus,
    WorkerDescription,
)
from antiphon_core.utterance import Control, Finished, Reason, Start, Started, SynthesisEvent, Text, UtteranceMessage
from antiphon_core.wire.descriptions import (
    description_from_wire,
    description_to_wire,
    progress_from_wire,
    progress_to_wire,
)
from antiphon_core.wire.failures import DETAILS_TRAILER, failure_from_wire, failure_to_wire
from antiphon_core.wire.utterances import (
    FRAMES_AT_ONCE,
    event_to_wire,
    events_from_wire,
    request_from_wire,
    request_to_wire,
)
from antiphon_proto.v1 import tts_pb2 as pb
from hypothesis import example, given
from hypothesis import strategies as st

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
U32, U64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
FLOATS = st.floats(0, 1e6, width=32)
FORMATS = st.sampled_from(WIRE_RATES_HZ).map(PcmFormat)

REQUESTS: st.SearchStrategy[UtteranceMessage] = st.one_of(
    st.builds(
        Start,
        utterance_id=TEXTS,
        session_id=TEXTS,
        turn_id=TEXTS,
        voice=TEXTS,
        language=TEXTS,
        format=FORMATS,
        speed=st.floats(0.25, 4, width=32),
        seed=st.none() | U64,
        options=st.dictionaries(TEXTS, TEXTS, max_size=3),
    ),
    st.builds(Text, TEXTS, st.booleans()),
    st.sampled_from(Control),
)
EVENTS: st.SearchStrategy[SynthesisEvent] = st.one_of(
    st.builds(Started, TEXTS, TEXTS, TEXTS, FORMATS),
    st.builds(Frame, U64, st.binary(min_size=1_920, max_size=1_920), st.integers(0, 960)),
    st.builds(TextMark, U32, U32, U64),
    st.builds(Finished, st.sampled_from(Reason), U64, FLOATS, FLOATS, FLOATS),
)
VOICES = st.lists(
    st.builds(VoiceInfo, TEXTS.filter(bool), st.lists(TEXTS, max_size=3).map(tuple), TEXTS),
    min_size=1,
    max_size=3,
    unique_by=lambda voice: voice.id,
).map(tuple)
MODELS = st.builds(
    ModelInfo,
    id=TEXTS,
    voices=VOICES,
    native_rate_hz=U32,
    licence=TEXTS,
    size_bytes=U64,
    needs_gpu=st.booleans(),
    max_concurrency=st.integers(1, 2**32 - 1),
    capabilities=st.frozensets(st.sampled_from(Capability)),
)
DESCRIPTIONS = st.builds(
    WorkerDescription,
    worker=TEXTS,
    adapter=TEXTS,
    device=TEXTS,
    incarnation=TEXTS,
    models=st.lists(st.builds(ModelStatus, MODELS, st.sampled_from(ModelState), U32), max_size=3).map(tuple),
    default_model=TEXTS,
    load=st.builds(Load, U32, U32, U64, FLOATS, FLOATS, st.booleans()),
    limits=st.builds(Limits, U32, U32, U32, U32),
    core_version=TEXTS,
    adapter_version=TEXTS,
)
CONDITIONS: Sequence[type[AntiphonError]] = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AntiphonError)
    if kind not in (AntiphonError, WorkerGone, errors.Untrusted, errors.BadSettings)  # never sent
]


@given(REQUESTS)
def test_a_request_comes_back_as_it_was(request: UtteranceMessage) -> None:
    message = pb.SynthesizeRequest.FromString(request_to_wire(request).SerializeToString())
    assert request_from_wire(message) == request


@given(EVENTS)
def test_an_event_comes_back_as_it_was(event: SynthesisEvent) -> None:
    message = pb.SynthesizeResponse.FromString(event_to_wire(event).SerializeToString())
    assert events_from_wire(message, PcmFormat()) == [event]


@given(FORMATS, st.integers(0, 2**63), st.integers(1, FRAMES_AT_ONCE), st.integers(1, 960), st.randoms())
def test_frames_that_travel_together_come_back_one_by_one(
    pcm_format: PcmFormat, seq: int, count: int, last_speech: int, chance: random.Random
) -> None:
    frames = [
        Frame(seq + number, chance.randbytes(pcm_format.frame_bytes), pcm_format.frame_samples)
        for number in range(count)
    ]
    frames[-1] = replace(frames[-1], speech_samples=min(last_speech, pcm_format.frame_samples))
    message = pb.SynthesizeResponse.FromString(event_to_wire(frames).SerializeToString())
    assert events_from_wire(message, pcm_format) == frames


@given(DESCRIPTIONS)
def test_a_description_comes_back_as_it_was(description: WorkerDescription) -> None:
    message = pb.DescribeResponse.FromString(description_to_wire(description).SerializeToString())
    assert description_from_wire(message) == description


@given(st.builds(LoadProgress, st.sampled_from(LoadStage), U64, U64))
def test_progress_comes_back_as_it_was(progress: LoadProgress) -> None:
    assert progress_from_wire(progress_to_wire(progress)) == progress


def test_an_empty_start_means_the_defaults() -> None:
    assert request_from_wire(pb.SynthesizeRequest(start=pb.Start())) == Start()


@pytest.mark.parametrize("rate_hz", [44_100, 1, 2**31])
def test_a_rate_not_offered_lists_those_that_are(rate_hz: int) -> None:
    start = pb.Start(format=pb.AudioFormat(rate_hz=rate_hz))
    with pytest.raises(BadFormat, match=f"{rate_hz} is not offered; allowed: 8000, 16000, 24000, 48000") as bad:
        request_from_wire(pb.SynthesizeRequest(start=start))
    assert bad.value.allowed == ("8000", "16000", "24000", "48000")


def test_an_unknown_encoding_is_refused() -> None:
    message = pb.SynthesizeRequest(start=pb.Start())
    message.start.format.encoding = 7  # type: ignore[assignment]
    with pytest.raises(BadFormat, match="encoding 7"):
        request_from_wire(message)


@pytest.mark.parametrize("action", [0, 9])
def test_an_unknown_control_is_refused(action: int) -> None:
    message = pb.SynthesizeRequest(control=pb.Control())
    message.control.action = action  # type: ignore[assignment]
    with pytest.raises(BadRequest, match=f"control action {action} is unknown; allowed: ACTION_PAUSE"):
        request_from_wire(message)


def test_an_empty_request_is_refused() -> None:
    with pytest.raises(BadRequest, match="none of start, text, control"):
        request_from_wire(pb.SynthesizeRequest())


def test_what_a_newer_worker_says_is_passed_over() -> None:
    assert events_from_wire(pb.SynthesizeResponse(), PcmFormat()) == []
    model = pb.ModelInfo(id="m", voices=[pb.VoiceInfo(id="v")], native_rate_hz=1, max_concurrency=1)
    model.capabilities.extend([99, pb.CAPABILITY_SPEED])  # type: ignore[list-item]
    model.state = 99  # type: ignore[assignment]
    description = description_from_wire(pb.DescribeResponse(models=[model]))
    assert description.models[0].info.capabilities == {Capability.SPEED}
    assert description.models[0].state is ModelState.AVAILABLE


# ------------------------------------------------------------------ failures


@pytest.mark.parametrize("kind", CONDITIONS)
def test_every_condition_maps_and_maps_back(kind: type[AntiphonError]) -> None:
    error = kind("what was wrong", subject="it", allowed=["a", "b"], retry_after_ms=250)
    code, message, trailers = failure_to_wire(error)
    back = failure_from_wire(code, message, trailers)
    assert type(back) is kind
    assert (back.message, back.subject, back.allowed, back.retry_after_ms) == ("what was wrong", "it", ("a", "b"), 250)


def test_conditions_and_codes_are_those_of_the_contract() -> None:
    sent = {}
    for kind in CONDITIONS:
        code, _, ((_, trailer),) = failure_to_wire(kind("x"))
        status, detail = pb.Status.FromString(trailer), pb.ErrorDetail()
        assert status.details[0].Unpack(detail)
        assert status.code == code.value[0]
        sent[detail.condition] = kind
    named = {value for name, value in pb.ErrorDetail.Condition.items() if name != "CONDITION_UNSPECIFIED"}
    assert set(sent) == named


def test_an_error_of_a_kind_that_is_never_sent_is_an_internal_one() -> None:
    code, message, trailers = failure_to_wire(errors.BadSettings("odd"))
    assert code is grpc.StatusCode.INTERNAL
    assert isinstance(failure_from_wire(code, message, trailers), EngineFailed)


@pytest.mark.parametrize("code", ["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED"])
def test_a_broken_connection_is_a_worker_that_is_gone(code: str) -> None:
    assert isinstance(failure_from_wire(grpc.StatusCode[code], "socket closed", ()), WorkerGone)


@pytest.mark.parametrize(
    "text",
    [
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Ssl handshake failed: SSL_ERROR_SSL",
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Tls handshake failed (TSI_PROTOCOL_FAILURE)",
        "last error: UNKNOWN: ipv4:127.0.0.1:1: Peer name 127.0.0.1 is not in peer certificate",
        "last error: UNKNOWN: Custom verification check failed with error: UNAUTHENTICATED: Hostname Verification",
    ],
)
def test_a_worker_that_is_not_in_the_trust_is_told_from_one_that_is_gone(text: str) -> None:
    assert isinstance(failure_from_wire(grpc.StatusCode.UNAVAILABLE, text, ()), errors.Untrusted)


@pytest.mark.parametrize("trailer", [b"\xff\xff\xff", b"", "text", pb.Status(code=3).SerializeToString()])
def test_a_detail_that_is_not_ours_is_passed_over(trailer: str | bytes) -> None:
    error = failure_from_wire(grpc.StatusCode.INTERNAL, None, (("other", "x"), (DETAILS_TRAILER, trailer)))
    assert isinstance(error, EngineFailed)
    assert error.message == "the worker failed: INTERNAL"


LONG_TEXTS = st.builds(lambda text, times: text * times, TEXTS.filter(bool), st.integers(1, 1_000))


@given(LONG_TEXTS, LONG_TEXTS, st.lists(LONG_TEXTS, max_size=10))
@example("\0" * 5_000, "😀" * 5_000, [])
@example("😀" * 5_000, "\0" * 5_000, ["x"] * 5_000)
@example("x" * 5_000, "x" * 5_000, ["😀" * 200] * 20)
def test_however_long_an_error_it_fits_into_the_trailers(message: str, subject: str, allowed: list[str]) -> None:
    code, short, trailers = failure_to_wire(errors.UnknownVoice(message, subject=subject, allowed=allowed))
    in_message = sum(1 if " " <= character <= "~" else 3 * len(character.encode()) for character in short)
    assert in_message + sum(len(value) * 4 // 3 for _, value in trailers) < 8_000  # what gRPC lets through
    assert message.startswith(failure_from_wire(code, short, trailers).message)
