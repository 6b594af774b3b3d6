"""The server as a whole: what it tells of itself, how it starts, and that its errors are JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from antiphon_core.errors import CannotLoad
from antiphon_core.registry.base import ModelState
from antiphon_orchestrator.api.catalog import Catalog
from antiphon_orchestrator.providers import Ears, Providers
from antiphon_orchestrator.testing.ears import ScriptedAsr
from antiphon_orchestrator.testing.server import Scripted, ScriptedFleet, eventually, serving, worker
from antiphon_orchestrator.testing.voice import speak
from clips import wav
from prometheus_client.parser import text_string_to_metric_families
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

pytestmark = pytest.mark.integration


# ----------------------------------------------------------------------------- health


async def test_it_lives_before_it_is_ready_and_says_what_is_missing() -> None:
    fleet = ScriptedFleet()
    async with serving(Scripted(fleet=fleet), ready=False) as server:
        assert (await server.http.get("/livez")).text == "ok\n"
        answer = await server.http.get("/readyz")
        assert answer.status_code == 503
        assert "a speech worker at static://" in answer.text
        health = (await server.http.get("/health")).json()
        assert (health["status"], health["workers"]) == ("starting", [])
        fleet.become(worker("one"))
        await asyncio.wait_for(server.server.complete(), 5)
        assert (await server.http.get("/readyz")).status_code == 200
        health = (await server.http.get("/health")).json()
        assert (health["status"], health["workers"], health["missing"]) == ("ok", ["one"], [])


async def test_a_model_that_cannot_be_loaded_is_named_and_the_server_stays() -> None:
    class Broken(Scripted):
        def providers(self) -> Providers:
            return replace(super().providers(), load_ears=broken)

    def broken() -> Ears:
        raise CannotLoad("silero-vad: the file is damaged")

    async with serving(Broken(), ready=False) as server:
        await eventually(lambda: "damaged" in str(server.server.missing()))
        answer = await server.http.get("/readyz")
        assert (answer.status_code, "the file is damaged" in answer.text) == (503, True)
        assert (await server.http.get("/livez")).status_code == 200


async def test_the_address_itself_says_what_there_is() -> None:
    async with serving() as server:
        assert "/v1/realtime" in (await server.http.get("/")).text


async def test_models_and_voices_are_listed_once_however_many_workers_have_them() -> None:
    fleet = ScriptedFleet(worker("one"), worker("two"))
    async with serving(Scripted(fleet=fleet)) as server:
        models = (await server.http.get("/v1/models")).json()
        assert models["object"] == "list"
        (model,) = models["data"]
        assert (model["id"], model["resident"], model["default_voice"]) == ("scripted", True, "scripted/one")
        voices = (await server.http.get("/v1/voices")).json()["data"]
        assert [voice["id"] for voice in voices] == ["scripted/one", "scripted/two"]
        assert voices[1]["languages"] == ["en", "de"]
    assert Catalog(ScriptedFleet()).voices() == []


async def test_workers_are_listed_as_they_last_told_of_themselves() -> None:
    fleet = ScriptedFleet(worker("one"))
    async with serving(Scripted(fleet=fleet)) as server:
        (there,) = (await server.http.get("/v1/workers")).json()["data"]
        counted = numbers((await server.http.get("/metrics")).text)
    assert (there["id"], there["engine"], there["models"]) == ("one", "scripted", {"scripted": "resident"})
    assert (there["in_flight"], there["draining"], there["resting"]) == (0, False, False)
    assert (counted["antiphon_workers"], counted["antiphon_workers_resting"]) == (1, 0)
    assert (counted["antiphon_registry_up"], counted["antiphon_session_places"]) == (1, 100)


async def test_a_model_that_is_fetched_says_how_far() -> None:
    fleet = ScriptedFleet(worker(state=ModelState.LOADING, fetched_percent=40))
    async with serving(Scripted(fleet=fleet)) as server:
        (model,) = (await server.http.get("/v1/models")).json()["data"]
        assert (model["state"], model["fetched_percent"]) == ("loading", 40)


# ----------------------------------------------------------------------------- errors


async def test_errors_of_routes_and_methods_are_json() -> None:
    async with serving() as server:
        nowhere = await server.http.get("/v1/nowhere")
        assert (nowhere.status_code, nowhere.json()["error"]["code"]) == (404, "not_found")
        wrong = await server.http.get("/v1/audio/speech")
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "method_not_allowed")
        assert wrong.headers["allow"] == "POST"


async def test_an_error_of_ours_is_json_and_leaves_a_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(ScriptedAsr):
        async def transcribe(self, *arguments: Any, **named: Any) -> Any:
            raise ZeroDivisionError("a bug of ours")

    async with serving(Scripted(asr=Broken())) as server:
        recording = wav(speak("Hello there."))
        answer = await server.http.post("/v1/audio/transcriptions", files={"file": ("x.wav", recording)})
        assert answer.status_code == 500
        assert answer.json()["error"]["code"] == "server_error"
        assert "bug" not in answer.text
        assert (await server.http.get("/livez")).status_code == 200
    (record,) = [record for record in caplog.records if record.name == "uvicorn.error" and record.exc_info]
    assert record.exc_info is not None
    assert "a bug of ours" in str(record.exc_info[1])


async def test_the_log_tells_of_every_session_when_it_began_and_how_it_ended() -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        async with serving() as server:
            async with server.call("?model=gpt-realtime") as call:
                session_id = call.told[0]["session"]["id"]
                await call.write("A secret question.")
                await call.send("response.create")
                await call.until("response.done")
            await eventually(lambda: not len(server.server.conversations))
    told = [line for line in lines if line.get("session") == session_id]
    assert [line["event"] for line in told] == ["session begun", "response", "session ended"]
    assert told[0]["model"] == "gpt-realtime"
    assert (told[2]["reason"], told[2]["completed"]) == ("hung_up", 1)
    assert "secret" not in str(lines)


# ---------------------------------------------------------------------------- metrics


def numbers(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


async def test_what_happens_is_counted_and_shown_once() -> None:
    async with serving() as server:
        async with server.call() as call:
            await call.write("Hello.")
            await call.send("response.create")
            await call.until("response.done")
            during = numbers((await server.http.get("/metrics")).text)
            assert during["antiphon_sessions{state=idle}"] + during["antiphon_sessions{state=speaking}"] == 1
        await eventually(lambda: not len(server.server.conversations))
        await server.http.post("/v1/audio/speech", json={"input": "Hello."})
        await server.http.get("/v1/invented")
        after = numbers((await server.http.get("/metrics")).text)
    assert after["antiphon_sessions{state=idle}"] == 0
    assert after["antiphon_sessions_ended_total{reason=hung_up}"] == 1
    assert after["antiphon_responses_total{status=completed}"] == 1
    assert after["antiphon_first_audio_seconds_count"] == 1
    assert after["antiphon_tick_lateness_seconds_count"] > 10
    assert after["antiphon_tokens_total{direction=written}"] == 2
    assert after["antiphon_workers"] == 1
    assert after["antiphon_http_requests_total{route=/v1/audio/speech,status=200}"] == 1
    assert after["antiphon_http_requests_total{route=other,status=404}"] == 1
    assert after["process_resident_memory_bytes"] > 0


# ----------------------------------------------------------------------- live settings


@pytest.fixture
def fast_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("antiphon_core.live.POLL_S", 0.02)


@pytest.fixture
def log_level() -> Iterator[None]:
    level = logging.getLogger().level
    yield
    logging.getLogger().setLevel(level)


@pytest.mark.usefixtures("fast_polling", "log_level")
async def test_live_settings_follow_the_file_and_count_for_sessions_to_come(tmp_path: Path) -> None:
    file = tmp_path / "antiphon.yaml"
    file.write_text(yaml.safe_dump({"instructions": "Be kind.", "max_text_chars": 100}))
    scripted = Scripted()
    async with serving(scripted, config=file) as server:
        async with server.call() as call:
            assert call.told[0]["session"]["instructions"] == "Be kind."
            new = {
                "instructions": "Be brief.",
                "max_text_chars": 5,
                "max_sessions": 1,
                "log_level": "warning",
                "fallbacks": {"a": "b"},
            }
            file.write_text(yaml.safe_dump(new))
            await eventually(lambda: server.server.settings.instructions == "Be brief.")
            assert logging.getLogger().level == logging.WARNING
            assert scripted.followed[-1].fallbacks == {"a": "b"}
            assert (await server.http.post("/v1/audio/speech", json={"input": "too long"})).status_code == 400
            with pytest.raises(Exception, match="429"):
                async with server.call():
                    pass
        await eventually(lambda: not len(server.server.conversations))
        async with server.call() as call:
            assert call.told[0]["session"]["instructions"] == "Be brief."


@pytest.mark.usefixtures("fast_polling")
async def test_a_bad_edit_is_refused_in_one_line_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "antiphon.yaml"
    file.write_text(yaml.safe_dump({"turns": 3}))
    async with serving(config=file) as server:
        for edit, reason in (
            ({"turns": "many"}, "turns"),
            ({"turns": 4, "port": 9}, "port cannot change while the process runs"),
            ({"turms": 4}, "did you mean turns?"),
        ):
            file.write_text(yaml.safe_dump(edit))
            logged = ""

            def is_refused(reason: str = reason) -> bool:
                nonlocal logged
                logged += capsys.readouterr().out
                return reason in logged

            await eventually(is_refused)
            assert server.server.settings.turns == 3


async def test_what_fails_in_the_background_makes_it_unready_and_ends_no_conversation() -> None:
    class Broken(ScriptedFleet):
        async def run(self) -> None:
            await asyncio.sleep(0.2)
            raise ZeroDivisionError("a bug of ours")

    async with serving(Scripted(fleet=Broken(worker()))) as server, server.call() as call:
        await eventually(lambda: server.server.missing())
        assert "ZeroDivisionError: a bug of ours" in (await server.http.get("/readyz")).text
        await call.send("response.create")
        await call.until("response.done")
