"""The compose file's services, started as it says, hold a conversation."""

from __future__ import annotations

import asyncio
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compose
import httpx
import numpy as np
import pytest
from antiphon_core.store import default_root
from antiphon_orchestrator.cli.caller import RATE_HZ, Call, Track, calling, laid_out
from conftest import BUILD_S, PROJECT, Image
from podman import Podman

ENGINES = ("hibari", "piper", "tone")
VOICES = ("hibari", "en_US-joe-medium")
"""Those that can be understood."""
EARS_AND_MIND = ("silero-vad", "smart-turn", "moonshine-tiny-en", "smollm2-135m-instruct")
UNDERSTOOD = 0.4
"""The share of an answer's words that a small recogniser hears at least, also of a voice that mumbles."""
KEY = "a-key-of-the-tests"
START_S = 30.0
GIVE_UP_S = 180.0
ANSWER_S = 90.0
FETCH_S = 900.0
USER = 10_001
VOLUME = f"{PROJECT}_models"

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(BUILD_S)]


@dataclass(frozen=True)
class Deployment:
    """The running services."""

    podman: Podman
    url: str
    ready_s: dict[str, float]
    """From the start of all to the health of each."""

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, timeout=60.0)

    def spoken(self, text: str) -> Track:
        """A text that is easily understood, and the silence after it."""
        with self.client() as client:
            answer = client.post("/v1/audio/speech", json={"input": text, "voice": VOICES[0], "response_format": "pcm"})
        return np.concatenate([np.frombuffer(answer.raise_for_status().content, np.int16), silence(0.5)])

    def recognised(self, recording: bytes) -> str:
        with self.client() as client:
            files = {"file": ("heard.wav", recording)}
            answer = client.post("/v1/audio/transcriptions", files=files, data={"model": "whisper-1"})
        return str(answer.raise_for_status().json()["text"])


@pytest.fixture(scope="module")
def deployment(
    podman: Podman, image: Image, pip_files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    images = {service: image(service) for service in ("orchestrator", *ENGINES)}
    override = tmp_path_factory.mktemp("compose") / "key.yaml"
    port = free_port()
    settings = {"environment": {"ANTIPHON_SERVER_API_KEYS": KEY}}
    override.write_text(json.dumps({"services": {"orchestrator": settings}}), encoding="utf-8")
    command = compose.command(PROJECT, *ENGINES, override=override)
    podman.variables["ANTIPHON_LISTEN"] = f"127.0.0.1:{port}"
    try:
        fill_volume(podman)
        for engine in ENGINES:
            fetch_voice(podman, images[engine], pip_files)
        began_s = time.monotonic()
        podman.run(*command, "up", "--detach", "--no-build", timeout_s=GIVE_UP_S)
        yield Deployment(podman, f"http://127.0.0.1:{port}", until_healthy(podman, began_s))
    finally:
        podman.run(*command, "down", timeout_s=GIVE_UP_S)
        podman("volume", "rm", "--force", VOLUME)


def fill_volume(podman: Podman) -> None:
    """Models from this machine's store, which are fetched now if they are not there."""
    pull = (sys.executable, "-m", "antiphon_orchestrator.cli.main", "models", "pull", *EARS_AND_MIND)
    subprocess.run(pull, check=True, timeout=FETCH_S)
    podman("volume", "create", VOLUME)
    volume = Path(podman("volume", "inspect", VOLUME, "--format", "{{.Mountpoint}}").strip())
    for entry in EARS_AND_MIND:
        (folder,) = default_root().glob(f"{entry}-*")
        shutil.copytree(folder, volume / folder.name)
    for path in (volume, *volume.rglob("*")):
        shutil.chown(path, USER, USER)


def fetch_voice(podman: Podman, image: str, pip_files: dict[str, Path]) -> None:
    """A worker's own check: it fetches the default model, loads it and speaks a sentence."""
    known = [f"--volume={path}:{place}:ro" for place, path in pip_files.items()]
    locked = ("--read-only", "--cap-drop=all", "--network=host", f"--volume={VOLUME}:/models", *known)
    podman("run", "--rm", *locked, image, "--check", timeout_s=FETCH_S)


def until_healthy(podman: Podman, began_s: float) -> dict[str, float]:
    """Asks by the images' own health checks, as systemd would for podman where there is one."""
    ready_s: dict[str, float] = {}
    waiting = {"redis", "orchestrator", *ENGINES}
    while waiting:
        for service in sorted(waiting):
            if podman.succeeds("healthcheck", "run", f"{PROJECT}_{service}_1"):
                ready_s[service] = time.monotonic() - began_s
                waiting.discard(service)
        if time.monotonic() - began_s > GIVE_UP_S:
            logs = "\n".join(podman("logs", "--tail=20", f"{PROJECT}_{service}_1") for service in sorted(waiting))
            raise AssertionError(f"not healthy: {waiting}\n{logs}")
    print("healthy after:", {service: f"{after_s:.1f} s" for service, after_s in ready_s.items()})
    return ready_s


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def silence(seconds: float) -> Track:
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


async def answered(call: Call, question: Track) -> None:
    """Puts a question and listens to the answer until it has all come."""
    done = asyncio.Event()
    call.listeners.append(lambda told: done.set() if told.type == "response.done" else None)
    await call.speak(question)
    assert await call.silent_until(done, ANSWER_S), [told.type for told in call.told]


def test_everything_is_healthy_soon(deployment: Deployment) -> None:
    assert max(deployment.ready_s.values()) < START_S, deployment.ready_s


def test_the_server_wants_its_key(deployment: Deployment) -> None:
    assert httpx.get(f"{deployment.url}/v1/voices").status_code == 401


def test_the_voices_of_all_workers_are_offered(deployment: Deployment) -> None:
    with deployment.client() as client:
        listed = client.get("/v1/voices").raise_for_status().text
    assert all(f'"{voice}' in listed for voice in (*VOICES, "tone"))


@pytest.mark.parametrize("voice", VOICES)
async def test_a_spoken_question_is_understood_and_answered_aloud(deployment: Deployment, voice: str) -> None:
    question = await asyncio.to_thread(deployment.spoken, "What is the capital of France?")
    session = {"audio": {"input": {"transcription": {}}, "output": {"voice": voice}}}
    async with calling(deployment.url, key=KEY, session=session) as call:
        await answered(call, question)
    (asked,) = call.events("conversation.item.input_audio_transcription.completed")
    assert {"capital", "france"} <= words(asked["transcript"])
    (told,) = call.events("response.output_audio_transcript.done")
    heard = await asyncio.to_thread(deployment.recognised, recording(call))
    print(f"asked {asked['transcript']!r}, told {told['transcript']!r}, heard {heard!r}")
    said = words(told["transcript"])
    assert len(said & words(heard)) >= UNDERSTOOD * len(said)


async def test_the_engine_whose_voice_is_chosen_is_the_one_that_speaks(deployment: Deployment) -> None:
    question = await asyncio.to_thread(deployment.spoken, "What is the capital of France?")
    session = {"audio": {"output": {"voice": "tone"}}}
    async with calling(deployment.url, key=KEY, session=session) as call:
        await answered(call, question)
    assert sum(len(audio) for _, audio in call.heard) > RATE_HZ
    assert 'model="tone",outcome="complete"' in worker_metrics(deployment, "tone")


def test_a_worker_that_is_asked_to_end_ends_in_order(deployment: Deployment) -> None:
    container = f"{PROJECT}_tone_1"
    deployment.podman("stop", container)
    assert deployment.podman("inspect", container, "--format", "{{.State.ExitCode}}").strip() == "0"


def worker_metrics(deployment: Deployment, service: str) -> str:
    """What a worker tells Prometheus, asked from inside its container."""
    script = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
    return deployment.podman("exec", f"{PROJECT}_{service}_1", "python3", "-c", script)


def recording(call: Call) -> bytes:
    """All that was heard, as a file."""
    samples = max(start + len(audio) for start, audio in call.heard)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(laid_out(call.heard, samples).tobytes())
    return buffer.getvalue()
