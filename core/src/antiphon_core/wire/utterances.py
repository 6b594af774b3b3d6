"""Messages of one utterance, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from antiphon_proto.v1 import tts_pb2 as pb

from antiphon_core.audio import DEFAULT_RATE_HZ, WIRE_RATES_HZ, Frame, PcmFormat, TextMark
from antiphon_core.errors import BadFormat, BadRequest
from antiphon_core.utterance import (
    Control,
    Finished,
    Reason,
    Start,
    Started,
    SynthesisEvent,
    Text,
    UtteranceMessage,
)

_CONTROL_TO_WIRE = {
    Control.PAUSE: pb.Control.ACTION_PAUSE,
    Control.RESUME: pb.Control.ACTION_RESUME,
    Control.STOP: pb.Control.ACTION_STOP,
}
_CONTROL_FROM_WIRE = {wire: control for control, wire in _CONTROL_TO_WIRE.items()}
_REASON_TO_WIRE = {
    Reason.COMPLETE: pb.Finished.REASON_COMPLETE,
    Reason.STOPPED: pb.Finished.REASON_STOPPED,
}
_REASON_FROM_WIRE = {wire: reason for reason, wire in _REASON_TO_WIRE.items()}
_ENCODINGS = (pb.AudioFormat.ENCODING_UNSPECIFIED, pb.AudioFormat.ENCODING_PCM_S16LE)


def format_to_wire(pcm_format: PcmFormat) -> pb.AudioFormat:
    return pb.AudioFormat(rate_hz=pcm_format.rate_hz, encoding=pb.AudioFormat.ENCODING_PCM_S16LE)


def format_from_wire(message: pb.AudioFormat) -> PcmFormat:
    if message.encoding not in _ENCODINGS:
        raise BadFormat(
            f"encoding {message.encoding} is not offered; allowed: ENCODING_PCM_S16LE",
            subject="format.encoding",
            allowed=["ENCODING_PCM_S16LE"],
        )
    rate_hz = message.rate_hz or DEFAULT_RATE_HZ
    if rate_hz not in WIRE_RATES_HZ:
        allowed = [str(rate) for rate in WIRE_RATES_HZ]
        raise BadFormat(
            f"rate_hz {rate_hz} is not offered; allowed: {', '.join(allowed)}",
            subject="format.rate_hz",
            allowed=allowed,
        )
    return PcmFormat(rate_hz)


def request_to_wire(message: UtteranceMessage) -> pb.SynthesizeRequest:
    if isinstance(message, Start):
        return pb.SynthesizeRequest(start=_start_to_wire(message))
    if isinstance(message, Text):
        return pb.SynthesizeRequest(text=pb.TextChunk(text=message.text, last=message.last))
    return pb.SynthesizeRequest(control=pb.Control(action=_CONTROL_TO_WIRE[message]))


def request_from_wire(message: pb.SynthesizeRequest) -> UtteranceMessage:
    kind = message.WhichOneof("message")
    if kind == "start":
        return _start_from_wire(message.start)
    if kind == "text":
        return Text(message.text.text, message.text.last)
    if kind == "control":
        return _control_from_wire(message.control)
    raise BadRequest(
        "a SynthesizeRequest holds none of start, text, control; set one of them",
        subject="message",
        allowed=["start", "text", "control"],
    )


def _start_to_wire(start: Start) -> pb.Start:
    return pb.Start(
        utterance_id=start.utterance_id,
        session_id=start.session_id,
        turn_id=start.turn_id,
        voice=start.voice,
        language=start.language,
        format=format_to_wire(start.format),
        speed=start.speed,
        seed=start.seed,
        options=dict(start.options),
    )


def _start_from_wire(message: pb.Start) -> Start:
    return Start(
        utterance_id=message.utterance_id,
        session_id=message.session_id,
        turn_id=message.turn_id,
        voice=message.voice,
        language=message.language,
        format=format_from_wire(message.format),
        speed=message.speed or 1.0,
        seed=message.seed if message.HasField("seed") else None,
        options=dict(message.options),
    )


def _control_from_wire(message: pb.Control) -> Control:
    control = _CONTROL_FROM_WIRE.get(message.action)
    if control is None:
        allowed = [pb.Control.Action.Name(action) for action in _CONTROL_FROM_WIRE]
        raise BadRequest(
            f"control action {message.action} is unknown; allowed: {', '.join(allowed)}",
            subject="control.action",
            allowed=allowed,
        )
    return control


FRAMES_AT_ONCE = 25
"""So many frames one message may hold, half a second: a message costs far more than the frames in it."""


def event_to_wire(event: SynthesisEvent | Sequence[Frame]) -> pb.SynthesizeResponse:
    """One message for an event, or for frames in a row that are ready together."""
    if isinstance(event, Frame):
        return _frames_to_wire([event])
    if isinstance(event, Sequence):
        return _frames_to_wire(event)
    if isinstance(event, TextMark):
        return pb.SynthesizeResponse(
            mark=pb.Mark(
                text_offset=event.text_offset, text_length=event.text_length, sample_offset=event.sample_offset
            )
        )
    if isinstance(event, Started):
        return pb.SynthesizeResponse(
            started=pb.Started(
                worker=event.worker, model=event.model, voice=event.voice, format=format_to_wire(event.format)
            )
        )
    return pb.SynthesizeResponse(
        finished=pb.Finished(
            reason=_REASON_TO_WIRE[event.reason],
            samples=event.samples,
            first_audio_ms=event.first_audio_ms,
            synth_ms=event.synth_ms,
            queue_ms=event.queue_ms,
        )
    )


def events_from_wire(message: pb.SynthesizeResponse, pcm_format: PcmFormat) -> list[SynthesisEvent]:
    """Its frames in the agreed format, or its one event; none if it is of a kind that this version does not know."""
    kind = message.WhichOneof("message")
    if kind == "audio":
        return list(_frames_from_wire(message.audio, pcm_format))
    if kind == "mark":
        return [TextMark(message.mark.text_offset, message.mark.text_length, message.mark.sample_offset)]
    if kind == "started":
        started = message.started
        return [Started(started.worker, started.model, started.voice, format_from_wire(started.format))]
    if kind == "finished":
        return [_finished_from_wire(message.finished)]
    return []


def _frames_to_wire(frames: Sequence[Frame]) -> pb.SynthesizeResponse:
    return pb.SynthesizeResponse(
        audio=pb.AudioFrame(
            seq=frames[0].seq,
            pcm=b"".join([frame.pcm for frame in frames]),
            speech_samples=sum([frame.speech_samples for frame in frames]),
        )
    )


def _frames_from_wire(audio: pb.AudioFrame, pcm_format: PcmFormat) -> Iterator[Frame]:
    size, pcm, speech_samples = pcm_format.frame_bytes, audio.pcm, audio.speech_samples
    for number, start in enumerate(range(0, len(pcm), size)):
        speech = min(pcm_format.frame_samples, speech_samples)
        speech_samples -= speech
        yield Frame(audio.seq + number, pcm[start : start + size], speech)


def _finished_from_wire(message: pb.Finished) -> Finished:
    return Finished(
        reason=_REASON_FROM_WIRE.get(message.reason, Reason.COMPLETE),
        samples=message.samples,
        first_audio_ms=message.first_audio_ms,
        synth_ms=message.synth_ms,
        queue_ms=message.queue_ms,
    )
