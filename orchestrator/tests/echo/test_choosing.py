"""Who gets echo cancellation: whoever the settings or the connection's query say."""

from __future__ import annotations

import pytest
from antiphon_orchestrator.echo import canceller, webrtc_apm
from antiphon_orchestrator.ports import HeardSamples
from antiphon_orchestrator.testing.server import eventually, serving
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60)]


@pytest.fixture
def cleaned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How much audio went through a canceller."""
    pytest.importorskip("livekit.rtc", reason="install the extra: pip install 'antiphon-orchestrator[echo]'")
    samples: list[int] = []
    clean = canceller.EchoCanceller.clean

    def counted(self: canceller.EchoCanceller, heard: HeardSamples) -> HeardSamples:
        samples.append(len(heard))
        return clean(self, heard)

    monkeypatch.setattr(canceller.EchoCanceller, "clean", counted)
    return samples


@pytest.mark.parametrize(
    ("setting", "query", "cancels"),
    [
        (False, "", False),
        (True, "", True),
        (False, "?antiphon_echo_cancellation=true", True),
        (True, "?antiphon_echo_cancellation=false", False),
    ],
)
async def test_a_connection_overrules_the_settings(
    cleaned: list[int], setting: bool, query: str, cancels: bool
) -> None:
    async with serving(echo_cancellation=setting) as server, server.call(query) as call:
        await call.send("input_audio_buffer.append", audio="AAAA" * 1_600)
        await call.send("input_audio_buffer.clear")
        await call.until("input_audio_buffer.cleared")
        assert bool(cleaned) is cancels


async def test_what_is_no_choice_is_refused() -> None:
    async with serving() as server:
        with pytest.raises(InvalidStatus) as refused:
            async with server.call("?antiphon_echo_cancellation=maybe"):
                pass
    assert refused.value.response.status_code == 400
    assert b"'true', 'false'" in (refused.value.response.body or b"")


async def test_a_server_that_lacks_the_package_is_not_ready_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(webrtc_apm, "import_module", missing)
    async with serving(echo_cancellation=True, ready=False) as server:
        await eventually(lambda: "livekit" in " ".join(server.server.missing()))
        answer = await server.http.get("/readyz")
        assert answer.status_code == 503
        assert "antiphon-orchestrator[echo]" in answer.text
