"""The stubs carry an utterance both ways, on the runtime that the lock names."""

from __future__ import annotations

import pytest
from antiphon_proto.v1 import tts_pb2 as pb
from conversation import check, converse_asynchronously, converse_synchronously


def test_a_threaded_server_and_client_understand_each_other() -> None:
    check(converse_synchronously())


async def test_an_asynchronous_server_and_client_understand_each_other() -> None:
    check(await converse_asynchronously())


def test_the_check_notices_a_wrong_answer() -> None:
    with pytest.raises(AssertionError, match="the answers came as"):
        check([])


def test_an_unknown_field_of_a_newer_peer_is_carried_on() -> None:
    newer = pb.TextChunk(text="hello").SerializeToString() + b"\xfa\x01\x03new"
    assert pb.TextChunk.FromString(newer).SerializeToString() == newer


def test_seed_zero_is_not_the_same_as_no_seed() -> None:
    assert not pb.Start().HasField("seed")
    assert pb.Start.FromString(pb.Start(seed=0).SerializeToString()).HasField("seed")
