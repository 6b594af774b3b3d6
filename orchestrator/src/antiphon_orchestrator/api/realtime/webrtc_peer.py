"""The other end of a WebRTC connection. The only file that knows aiortc, imported when the first call comes."""

from __future__ import annotations

import asyncio
from collections import deque
from fractions import Fraction
from typing import Any

import aiortc
import av
import structlog
from antiphon_core.audio import FRAME_MS

from antiphon_orchestrator.api.realtime.faults import Fault
from antiphon_orchestrator.api.realtime.webrtc_doors import Doors
from antiphon_orchestrator.api.realtime.webrtc_ears import OPUS_RATE_HZ, PacketEars
from antiphon_orchestrator.api.realtime.webrtc_ice import open_through
from antiphon_orchestrator.api.realtime.webrtc_voice import VoiceLine

log = structlog.get_logger(__name__)

CHANNEL = "oai-events"
MAX_WAITING_MESSAGES = 256
"""Messages of the client that wait for their turn. Overflow: the client is hung up on."""
_FRAME_TICKS = OPUS_RATE_HZ * FRAME_MS // 1000
_LATE_S = 0.2
"""A track that stood still for longer does not catch up."""
_UNSENT_BYTES = 65_536
_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""Private to aiortc, which has no other way to its packets: hence the narrow range of versions."""


class VoiceTrack(aiortc.MediaStreamTrack):
    """What the peer hears: a packet every 20 ms, silence included, so that its clock never guesses."""

    kind = "audio"

    def __init__(self, voice: VoiceLine) -> None:
        super().__init__()
        self._voice = voice
        self._ticks = 0
        self._due_s: float | None = None

    async def recv(self) -> Any:
        now_s = asyncio.get_running_loop().time()
        if self._due_s is None:
            self._due_s = now_s
        if (late_s := now_s - self._due_s) > _LATE_S:
            self._ticks += int(late_s * OPUS_RATE_HZ)
            self._due_s = now_s
        await asyncio.sleep(max(0.0, self._due_s - now_s))
        packet = av.Packet(self._voice.next_packet())
        packet.pts, packet.time_base = self._ticks, Fraction(1, OPUS_RATE_HZ)
        self._ticks += _FRAME_TICKS
        self._due_s += FRAME_MS / 1000
        return packet


class _Tap:
    """Takes the place of aiortc's jitter buffer, which keeps 80 ms back, and 300 ms for good after one lost packet."""

    def __init__(self, ears: PacketEars) -> None:
        self._ears = ears

    def add(self, packet: Any) -> tuple[bool, None]:
        self._ears.take(packet.sequence_number, packet.timestamp, packet._data)
        return False, None


class Peer:
    """One connection. `close` it in any case."""

    def __init__(self, voice: VoiceLine, ears: PacketEars, doors: Doors) -> None:
        self.gone = False
        self._ears = ears
        self._messages: deque[str | bytes] = deque()
        self._channel: aiortc.RTCDataChannel | None = None
        self._changed = asyncio.Event()
        self._doors = doors
        # Left out, aiortc asks a server on the internet for our address.
        servers = [aiortc.RTCIceServer(url, doors.user or None, doors.secret or None) for url in doors.servers]
        self._connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=servers))
        self._connection.on("connectionstatechange", self._on_state)
        self._connection.on("datachannel", self._on_channel)
        self._audio = self._connection.addTransceiver(VoiceTrack(voice), "sendrecv")
        codecs = aiortc.RTCRtpSender.getCapabilities("audio").codecs
        self._audio.setCodecPreferences([codec for codec in codecs if codec.mimeType == "audio/opus"])

    async def answer(self, offer: str) -> str:
        """Our SDP to the peer's. Raises a Fault for what is none, or offers no Opus."""
        try:
            await self._connection.setRemoteDescription(aiortc.RTCSessionDescription(_plain(offer), "offer"))
        except Exception as error:  # whatever a stranger's text makes aiortc's parser stumble over
            raise _bad_offer(str(error) or type(error).__name__) from error
        if self._audio.mid is None:
            raise _bad_offer("it has no audio section")
        for transceiver in self._connection.getTransceivers():
            if transceiver is not self._audio:
                transceiver.direction = "inactive"
        setattr(self._audio.receiver, _JITTER_BUFFER, _Tap(self._ears))
        for transport in self._transports():
            open_through(transport.transport.iceGatherer._connection, self._doors)
        await self._connection.setLocalDescription()
        return str(self._connection.localDescription.sdp)

    def _transports(self) -> set[aiortc.RTCDtlsTransport]:
        """One, if the client bundles, as all browsers do."""
        transports = {transceiver.receiver.transport for transceiver in self._connection.getTransceivers()}
        return transports | ({self._connection.sctp.transport} if self._connection.sctp else set())

    async def connected(self) -> bool:
        """Waits for the handshake. False: there will be none."""
        while not self.gone and self._connection.connectionState != "connected":
            await self._change()
        return not self.gone

    async def next_message(self) -> str | bytes | None:
        """The client's next message; None once it is gone."""
        while not self.gone and not self._messages:
            await self._change()
        return None if self.gone else self._messages.popleft()

    async def send(self, message: str) -> None:
        """Waits until the client has taken most of what was sent before. Nobody to send to: it is dropped."""
        while not self.gone and self._connection.sctp is not None:
            channel = self._channel
            if channel is not None and channel.readyState == "open" and channel.bufferedAmount <= _UNSENT_BYTES:
                _send(channel, message)
                return
            await self._change()

    def hang_up(self) -> None:
        """Whoever waits for the client stops waiting."""
        self.gone = True
        self._changed.set()

    async def close(self) -> None:
        """Ends everything that belongs to the connection."""
        self.hang_up()
        await self._connection.close()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _on_state(self) -> None:
        if self._connection.connectionState in ("failed", "closed"):
            self.gone = True
        self._changed.set()

    def _on_channel(self, channel: aiortc.RTCDataChannel) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            channel.close()
            return
        self._channel = channel
        channel.bufferedAmountLowThreshold = _UNSENT_BYTES
        channel.on("bufferedamountlow", self._changed.set)
        channel.on("message", self._on_message)
        channel.on("close", self.hang_up)
        self._changed.set()

    def _on_message(self, message: str | bytes) -> None:
        self._messages.append(message)
        self.gone = self.gone or len(self._messages) > MAX_WAITING_MESSAGES
        self._changed.set()


def _send(channel: aiortc.RTCDataChannel, message: str) -> None:
    try:
        channel.send(message)
    except ValueError:  # the client's own limit, which it has told in its offer
        log.warning("an event is longer than the client takes", bytes=len(message))


def _plain(offer: str) -> str:
    """The offer without names in place of addresses, and without an end to its list.

    Browsers hide their addresses behind such names, and to look one up takes long and fails in most networks; they
    reach us all the same, from addresses that are on no list.
    """
    lines = offer.splitlines()
    kept = [line for line in lines if not (line.startswith("a=candidate:") and ".local " in line)]
    return "\r\n".join(line for line in kept if line != "a=end-of-candidates") + "\r\n"


def _bad_offer(reason: str) -> Fault:
    return Fault(
        f"The SDP cannot be answered ({reason}). Send an offer with one audio section that has Opus.",
        code="invalid_offer",
        param="sdp",
    )
