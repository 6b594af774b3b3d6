"""The service itself: its name, both its ends, and the options of the channel between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import grpc
from antiphon_proto.v1 import tts_pb2 as pb
from antiphon_proto.v1 import tts_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    # The stubs know this class; at run time one stub class serves both kinds of channel.
    from antiphon_proto.v1.tts_pb2_grpc import TextToSpeechAsyncStub

SERVICE_NAME: str = pb.DESCRIPTOR.services_by_name["TextToSpeech"].full_name

TextToSpeechServicer = pb_grpc.TextToSpeechServicer
add_servicer = pb_grpc.add_TextToSpeechServicer_to_server

LOOKAHEAD_BYTES = 16_384
"""How much a connection holds of a stream that is not read: 8 frames at 48 kHz."""

CHANNEL_OPTIONS: tuple[tuple[str, int], ...] = (
    # Without these a slow reader gives no backpressure, and a worker runs many seconds ahead of it.
    ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
    ("grpc.http2.bdp_probe", 0),
    # A worker that was restarted is there again in a second; by default a channel may sleep for two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)
"""Both ends of a channel use them."""


def async_stub(channel: grpc.aio.Channel) -> TextToSpeechAsyncStub:
    return cast("TextToSpeechAsyncStub", pb_grpc.TextToSpeechStub(channel))
