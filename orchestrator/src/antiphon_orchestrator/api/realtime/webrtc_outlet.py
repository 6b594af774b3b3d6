"""Where the session of a call speaks to: events into its data channel, audio into its track."""

from __future__ import annotations

from typing import Any

from antiphon_orchestrator.api.realtime.outbox import Outbox
from antiphon_orchestrator.api.realtime.webrtc_voice import VoiceLine
from antiphon_orchestrator.session.outlet import ResponseSheet


class CallOutlet:
    """An `Outlet`. The server owns what is played, so it also tells when that begins, ends or is cut, and where.

    `hushes`: a hold is silence; otherwise the voice goes on quietly, and the session sees to it.
    """

    def __init__(self, outbox: Outbox) -> None:
        self.voice = VoiceLine(self._tell_stopped)
        self._outbox = outbox
        self.hushes = True
        self._sounding = ""

    def event(self, type_: str, /, **fields: Any) -> None:
        if type_ == "antiphon.output.held" and self.hushes:
            self.voice.hush()
        elif type_ == "antiphon.output.interrupted":
            self._cut(fields["item_id"], fields["audio_end_ms"])
        elif type_ == "conversation.item.truncated":
            self.voice.drop()
        self._outbox.event(type_, **fields)
        if type_ == "response.done" and fields["response"]["id"] == self._sounding:
            self.voice.finish()

    def audio(self, sheet: ResponseSheet, item_id: str, pcm: bytes) -> None:
        if sheet.id != self._sounding:
            if self._sounding:
                self._tell_stopped()  # the next answer follows without a gap
            self._sounding = sheet.id
            self._tell("output_audio_buffer.started")
        self.voice.push(pcm)

    def close(self, code: int, reason: str) -> None:
        self._outbox.close(code, reason)

    def _cut(self, item_id: str, audio_end_ms: int) -> None:
        self.voice.drop()
        if self._sounding:
            self._tell("output_audio_buffer.cleared")
            self._sounding = ""
            self._outbox.event(
                "conversation.item.truncated", item_id=item_id, content_index=0, audio_end_ms=audio_end_ms
            )

    def _tell_stopped(self) -> None:
        self._tell("output_audio_buffer.stopped")
        self._sounding = ""

    def _tell(self, type_: str) -> None:
        self._outbox.event(type_, response_id=self._sounding)
