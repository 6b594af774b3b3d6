"""The `worker-say` command: speaks a text through a running worker, to a WAV file."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import wave
from collections.abc import Sequence
from pathlib import Path

from antiphon_core.audio import DEFAULT_RATE_HZ, Frame, PcmFormat
from antiphon_core.errors import AntiphonError, BadSettings
from antiphon_core.tls import Certificates, TlsFiles
from antiphon_core.utterance import Finished, Start, Started, Text
from antiphon_core.wire.calls import UtteranceCall
from antiphon_core.wire.dialer import PLAIN, Dialer


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="worker-say", description="Speaks a text through a running worker.")
    parser.add_argument("text", nargs="*", help="what to say (else it is read from standard input)")
    parser.add_argument("--worker", default="127.0.0.1:50051", metavar="HOST:PORT", help="(default: %(default)s)")
    parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="authority of the worker's certificate: speak TLS")
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate that the worker is shown")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="its private key")
    parser.add_argument("--tls-name", default="", metavar="NAME", help="name in that certificate (else the host)")
    parser.add_argument("--voice", default="", help="MODEL/VOICE or MODEL (else the worker's default)")
    parser.add_argument("--language", default="", help="such as en or de-CH (else the voice's first)")
    parser.add_argument("--speed", type=float, default=1.0, help="2 is twice as fast (default: 1)")
    parser.add_argument("--rate", type=int, default=DEFAULT_RATE_HZ, metavar="HZ", help="(default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("say.wav"), metavar="FILE", help="(default: %(default)s)")
    arguments = parser.parse_args(argv)
    text = " ".join(arguments.text) or sys.stdin.read()
    start = Start(
        voice=arguments.voice,
        language=arguments.language,
        speed=arguments.speed,
        format=PcmFormat(arguments.rate),
    )
    try:
        asyncio.run(_say(_dialer(arguments), arguments.worker, start, text, arguments.out))
    except AntiphonError as error:
        print(f"worker-say: {error.message}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"worker-say: cannot write {arguments.out}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _dialer(arguments: argparse.Namespace) -> Dialer:
    files = (arguments.tls_ca, arguments.tls_cert, arguments.tls_key)
    if not any(files):
        return PLAIN
    if not all(files):
        raise BadSettings("TLS takes --tls-ca, --tls-cert and --tls-key together")
    return Dialer(Certificates(TlsFiles(*files)), arguments.tls_name)


async def _say(dialer: Dialer, address: str, start: Start, text: str, out: Path) -> None:
    asked_s = time.perf_counter()
    first_s = 0.0
    pcm = bytearray()
    async with dialer.dial(address) as channel:
        call = UtteranceCall(channel)
        try:
            await call.send(start)
            await call.send(Text(text, last=True))
            await call.end()
            while (event := await call.receive()) is not None:
                if isinstance(event, Started):
                    print(f"{event.voice} on {event.worker}")
                elif isinstance(event, Frame):
                    first_s = first_s or time.perf_counter() - asked_s
                    pcm += event.pcm[: event.speech_samples * 2]
                elif isinstance(event, Finished):
                    _report(event, start.format, first_s, time.perf_counter() - asked_s)
        finally:
            call.cancel()
    _write_wav(out, bytes(pcm), start.format)
    print(f"wrote {out}")


def _report(finished: Finished, pcm_format: PcmFormat, first_s: float, all_s: float) -> None:
    spoken_s = finished.samples / pcm_format.rate_hz
    print(
        f"{spoken_s:.2f} s of speech; first audio {first_s * 1000:.0f} ms (engine {finished.first_audio_ms:.0f} ms), "
        f"all in {all_s * 1000:.0f} ms, real-time factor {finished.synth_ms / 1000 / max(spoken_s, 0.001):.3f}"
    )


def _write_wav(path: Path, pcm: bytes, pcm_format: PcmFormat) -> None:
    with path.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(pcm_format.rate_hz)
        wav.writeframes(pcm)


if __name__ == "__main__":
    sys.exit(main())
