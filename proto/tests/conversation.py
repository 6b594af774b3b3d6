"""Speaks the contract once with a synchronous and once with an asynchronous server; runs on any supported runtime.

`python -W error conversation.py` exits with 0 where the stubs work. It needs protobuf, grpcio and antiphon-proto only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent import futures

import grpc
from antiphon_proto.v1 import tts_pb2 as pb
from antiphon_proto.v1 import tts_pb2_grpc as rpc

TIMEOUT_S = 10
LOCAL = "127.0.0.1:0"


def requests() -> list[pb.SynthesizeRequest]:
    audio_format = pb.AudioFormat(rate_hz=48000, encoding=pb.AudioFormat.ENCODING_PCM_S16LE)
    start = pb.Start(utterance_id="u1", voice="tone/low", format=audio_format, options={"warmth": "1"})
    return [
        pb.SynthesizeRequest(start=start),
        pb.SynthesizeRequest(text=pb.TextChunk(text="hello")),
        pb.SynthesizeRequest(text=pb.TextChunk(text="world", last=True)),
    ]


def answer(request: pb.SynthesizeRequest) -> list[pb.SynthesizeResponse]:
    """What a worker that speaks a byte for a letter would say to one message."""
    if request.HasField("start"):
        return [pb.SynthesizeResponse(started=pb.Started(worker="w", format=request.start.format))]
    said = [pb.SynthesizeResponse(audio=pb.AudioFrame(pcm=request.text.text.encode()))]
    if request.text.last:
        said.append(pb.SynthesizeResponse(finished=pb.Finished(reason=pb.Finished.REASON_COMPLETE, samples=10)))
    return said


class Threaded(rpc.TextToSpeechServicer):
    """The synchronous servicer."""

    def Synthesize(  # noqa: N802
        self, request_iterator: Iterator[pb.SynthesizeRequest], context: grpc.ServicerContext
    ) -> Iterator[pb.SynthesizeResponse]:
        for request in request_iterator:
            yield from answer(request)


class Asynchronous(rpc.TextToSpeechServicer):
    """The same for grpc.aio."""

    async def Synthesize(  # noqa: N802
        self, request_iterator: AsyncIterator[pb.SynthesizeRequest], context: object
    ) -> AsyncIterator[pb.SynthesizeResponse]:
        async for request in request_iterator:
            for response in answer(request):
                yield response


def converse_synchronously() -> list[pb.SynthesizeResponse]:
    """One utterance over a real socket, with threads."""
    server = grpc.server(futures.ThreadPoolExecutor(2))
    # The rest of the service is not spoken here.
    rpc.add_TextToSpeechServicer_to_server(Threaded(), server)  # type: ignore[abstract]
    port = server.add_insecure_port(LOCAL)
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return list(rpc.TextToSpeechStub(channel).Synthesize(iter(requests()), timeout=TIMEOUT_S))
    finally:
        server.stop(None).wait()


async def converse_asynchronously() -> list[pb.SynthesizeResponse]:
    """One utterance over a real socket, on an event loop."""
    server = grpc.aio.server()
    rpc.add_TextToSpeechServicer_to_server(Asynchronous(), server)  # type: ignore[abstract]
    port = server.add_insecure_port(LOCAL)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            call = rpc.TextToSpeechStub(channel).Synthesize(iter(requests()), timeout=TIMEOUT_S)
            return [response async for response in call]  # type: ignore[attr-defined]
    finally:
        await server.stop(None)


def check(heard: list[pb.SynthesizeResponse]) -> None:
    """Raise unless the answers are those to the requests."""
    kinds = [response.WhichOneof("message") for response in heard]
    if kinds != ["started", "audio", "audio", "finished"]:
        raise AssertionError(f"the answers came as {kinds}")
    if heard[0].started.format != requests()[0].start.format or b"".join(r.audio.pcm for r in heard) != b"helloworld":
        raise AssertionError(f"the answers say something else: {heard}")
    for response in heard:
        if pb.SynthesizeResponse.FromString(response.SerializeToString()) != response:
            raise AssertionError(f"does not survive the wire: {response}")


if __name__ == "__main__":
    check(converse_synchronously())
    check(asyncio.run(converse_asynchronously()))
