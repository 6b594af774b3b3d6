"""The server's settings: what is refused at the start, and in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.settings import live_fields, read_settings
from antiphon_orchestrator.aliases import Aliases
from antiphon_orchestrator.settings import ServerSettings


def settings(**flags: Any) -> ServerSettings:
    return read_settings(ServerSettings, flags)


def test_a_first_run_needs_no_setting_at_all() -> None:
    assert settings().is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.8.8"])
def test_on_this_machine_no_key_is_needed(host: str) -> None:
    assert settings(host=host).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "voice.example", "::"])
def test_where_others_reach_it_there_is_a_key_or_the_wish_to_be_open(host: str) -> None:
    with pytest.raises(BadSettings, match=r"can be reached from elsewhere: set api_keys, or open_to_all"):
        settings(host=host)
    assert not settings(host=host, api_keys=["k"]).is_loopback
    assert not settings(host=host, open_to_all=True).is_loopback


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ({"host": ""}, "give an address"),
        ({"mind": "openai"}, "set mind_url"),
        ({"recogniser": "openai"}, "set recogniser_url"),
        ({"port": 70_000}, "--port is 70000"),
        ({"processes": 0}, "--processes is 0"),
        ({"processes": 4, "max_sessions": 3}, "max_sessions is 3, but there are 4 processes"),
        ({"hold_mode": "shout"}, "--hold-mode is 'shout'"),
        ({"record_max_s": 100_000}, "--record-max-s"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(flags: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadSettings, match=reason):
        settings(**flags)


def test_several_keys_may_be_given_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIPHON_SERVER_API_KEYS", "old, new")
    assert settings().api_keys == ("old", "new")


def test_a_misspelt_variable_is_no_silent_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTIPHON_SERVER_API_KEY", "secret")
    with pytest.raises(BadSettings, match="did you mean ANTIPHON_SERVER_API_KEYS"):
        settings()


def test_what_cannot_change_while_it_runs_is_not_called_live() -> None:
    live = live_fields(ServerSettings)
    assert {"instructions", "log_level", "max_sessions", "turns"} <= live
    assert not {"host", "port", "api_keys", "registry", "mind", "recogniser", "record_dir"} & live


def test_models_dir_is_a_path() -> None:
    assert settings(models_dir="/tmp/models").models_dir == Path("/tmp/models")


def test_a_voice_that_names_its_model_wins_over_the_model_of_the_request() -> None:
    aliases = Aliases()
    assert aliases.voice("tts-1", "alloy") == ""
    assert aliases.voice("piper", "alloy") == "piper"
    assert aliases.voice("piper", "joe") == "piper/joe"
    assert aliases.voice("piper", "tone/low") == "tone/low"
    assert aliases.voice("", "joe") == "joe"
    assert (aliases.mind("gpt-realtime"), aliases.mind("llama")) == ("", "llama")
