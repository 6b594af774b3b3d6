"""Where calls come in: settings, and what of them is found in the answer's candidates."""

from __future__ import annotations

import re
import socket

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.live import LiveSettings
from antiphon_orchestrator.api.realtime.webrtc_doors import ports_of
from antiphon_orchestrator.settings import ServerSettings
from antiphon_orchestrator.testing.rtc import RtcCaller, calling
from antiphon_orchestrator.testing.server import serving

pytestmark = pytest.mark.timeout(60)


def candidates(sdp: str) -> list[tuple[str, int]]:
    """Address and port of each."""
    return [(host, int(port)) for host, port in re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", sdp)]


def test_a_range_of_ports_includes_both_ends() -> None:
    assert ports_of("50000-50001") == range(50_000, 50_002)
    assert ports_of("") == range(0)


@pytest.mark.parametrize("text", ["50000", "50001-50000", "80-90", "50000-70000", "a-b", "-"])
def test_what_is_no_range_of_ports_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="FROM-TO"):
        ports_of(text)


@pytest.mark.parametrize(
    "settings", [{"call_ports": "1-2"}, {"call_addresses": "voice.example"}, {"ice_servers": "https://example"}]
)
def test_settings_of_calls_are_checked_when_they_are_read(settings: dict[str, str]) -> None:
    with pytest.raises(BadSettings):
        LiveSettings(ServerSettings, settings)


def test_settings_say_where_calls_come_in() -> None:
    doors = LiveSettings(
        ServerSettings,
        {"call_addresses": "203.0.113.7", "ice_servers": "turn:relay.example:3478?transport=tcp", "ice_secret": "s"},
    ).now.doors
    assert (doors.addresses, doors.servers) == (("203.0.113.7",), ("turn:relay.example:3478?transport=tcp",))
    assert doors.secret == "s"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


@pytest.mark.integration
async def test_a_call_comes_in_through_the_ports_it_may_use() -> None:
    port = free_port()
    async with serving(call_ports=f"{port}-{port}") as server, calling(server.http) as call:
        told = candidates(call.connection.remoteDescription.sdp)
        assert told
        assert {used for _, used in told} == {port}
        await server.http.post(f"{call.location}/hangup")


@pytest.mark.integration
async def test_a_call_for_which_no_port_is_left_is_refused() -> None:
    port = free_port()
    async with serving(call_ports=f"{port}-{port}") as server, calling(server.http):
        late = RtcCaller(server.http)
        answer = await server.http.post(
            "/v1/realtime/calls", content=await late.offer(), headers={"Content-Type": "application/sdp"}
        )
        await late.close()
        assert answer.status_code == 429
        assert "call_ports" in answer.json()["error"]["message"]
        assert len(server.server.conversations) == 1


@pytest.mark.integration
async def test_the_address_of_a_gateway_is_announced_instead_of_our_own() -> None:
    async with serving(call_addresses="203.0.113.7") as server:
        caller = RtcCaller(server.http)
        answer = await server.http.post(
            "/v1/realtime/calls", content=await caller.offer(), headers={"Content-Type": "application/sdp"}
        )
        await caller.close()
    assert {host for host, _ in candidates(answer.text)} == {"203.0.113.7"}
