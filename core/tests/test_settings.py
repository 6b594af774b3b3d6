from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from antiphon_core.errors import BadSettings
from antiphon_core.flags import add_flags, given_flags
from antiphon_core.live import LiveSettings
from antiphon_core.settings import LIVE, LayeredSettings, Options, Paths, Words, live_fields, read_settings
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict


class House(LayeredSettings):
    """Settings with one field of each kind."""

    model_config = SettingsConfigDict(env_prefix="HOUSE_")

    name: str = Field(description="what it is called")
    rooms: int = Field(3, description="how many", ge=1)
    guests: Words = Field((), description="who comes")
    doors: Paths = Field((), description="ways in")
    rules: Options = Field(default_factory=dict, description="KEY=VALUE")
    key: SecretStr = Field(SecretStr(""), description="secret")
    lit: bool = Field(False, description="lights on", json_schema_extra=LIVE)
    mood: Literal["calm", "loud"] = Field("calm", description="50 % of it", json_schema_extra=LIVE)
    heat_c: float | None = Field(None, description="none: off", json_schema_extra=LIVE)

    @model_validator(mode="after")
    def _quiet(self) -> House:
        if self.mood == "loud" and not self.guests:
            raise ValueError("mood is loud and nobody is there: name guests")
        return self


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "house.yaml"


def read(**flags: Any) -> House:
    return read_settings(House, {"name": "home", **flags})


def parsed(*arguments: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    add_flags(parser, House)
    return given_flags(parser.parse_args(arguments), House)


def test_flags_win_over_the_environment_over_the_file_over_the_defaults(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read().rooms == 3
    config.write_text("rooms: 4\nmood: calm")
    assert read(config=config).rooms == 4
    monkeypatch.setenv("HOUSE_ROOMS", "5")
    assert read(config=config).rooms == 5
    assert read(config=config, rooms="6").rooms == 6


def test_the_file_may_be_named_in_the_environment(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text("name: from file")
    monkeypatch.setenv("HOUSE_CONFIG", str(config))
    assert read_settings(House, {}).name == "from file"


def test_lists_and_mappings_are_written_in_one_line_or_as_yaml(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_GUESTS", "anna, bert,")
    monkeypatch.setenv("HOUSE_RULES", "shoes=off,noise=low")
    assert read().guests == ("anna", "bert")
    assert read().rules == {"shoes": "off", "noise": "low"}
    config.write_text("guests: [carl]\nrules: {shoes: 'on'}\ndoors: [/a, /b]")
    monkeypatch.delenv("HOUSE_GUESTS")
    monkeypatch.delenv("HOUSE_RULES")
    settings = read(config=config)
    assert (settings.guests, settings.rules) == (("carl",), {"shoes": "on"})
    assert settings.doors == (Path("/a"), Path("/b"))


def test_every_setting_has_a_flag(config: Path) -> None:
    flags = parsed(
        *("--name", "home", "--rooms", "2", "--guest", "anna", "bert", "--guest", "carl", "--rule", "a=b"),
        *("--door", "/in", "--lit", "--mood", "loud", "--heat-c", "20", "--key", "x"),
    )
    settings = read_settings(House, flags)
    assert settings.guests == ("anna", "bert", "carl")
    assert settings.rules == {"a": "b"}
    assert (settings.lit, settings.mood, settings.heat_c, settings.rooms) == (True, "loud", 20.0, 2)


def test_flags_that_are_not_given_do_not_hide_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE_LIT", "true")
    assert parsed("--name", "x") == {"name": "x"}
    assert read_settings(House, parsed("--name", "x")).lit is True
    assert read_settings(House, parsed("--name", "x", "--no-lit")).lit is False


def test_help_says_what_each_setting_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed("--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert "--rooms N how many (default: 3)" in shown
    assert "--guest GUEST [GUEST ...] who comes" in shown
    assert "--mood {calm,loud} 50 % of it (default: calm)" in shown
    assert "settings that follow the config file while running: --lit, --no-lit" in shown


@pytest.mark.parametrize(
    ("flags", "environment", "file", "says"),
    [
        ({"rooms": "many"}, {}, "", "--rooms is 'many': Input should be a valid integer"),
        ({"rooms": "0"}, {}, "", "--rooms is '0': Input should be greater than or equal to 1"),
        ({"rules": ["shoes"]}, {}, "", "'shoes' is not of the form KEY=VALUE"),
        ({}, {"HOUSE_ROOMS": "many"}, "", "HOUSE_ROOMS in the environment is 'many': "),
        ({}, {"HOUSE_ROMS": "4"}, "", "environment: there is no setting HOUSE_ROMS; did you mean HOUSE_ROOMS?"),
        ({}, {}, "rooms: many", "rooms in {config} is 'many': "),
        ({}, {}, "roms: 4", "{config}: there is no setting roms; did you mean rooms?"),
        ({}, {}, "zzz: 4", "{config}: there is no setting zzz; there are: config, doors, "),
        ({}, {}, "- a\n- b", "config: {config} holds a list; it holds `name: value` lines"),
        ({}, {}, "a: [", "config: {config} is not YAML: "),
        ({"mood": "loud"}, {}, "", "mood is loud and nobody is there: name guests"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_where_it_was_made(
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: dict[str, Any],
    environment: dict[str, str],
    file: str,
    says: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config.write_text(file)
    with pytest.raises(BadSettings) as bad:
        read(config=config, **flags)
    assert says.format(config=config) in bad.value.message
    assert "\n" not in bad.value.message


def test_what_must_be_set_says_how() -> None:
    with pytest.raises(BadSettings, match="name is not set; give --name or HOUSE_NAME"):
        read_settings(House, {})


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"cannot read .*nowhere\.yaml: No such file or directory"):
        read(config=tmp_path / "nowhere.yaml")


def test_a_file_that_is_no_text_says_so(config: Path) -> None:
    config.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="is not YAML"):
        read(config=config)


def test_an_empty_file_sets_nothing(config: Path) -> None:
    config.write_text("# nothing yet\n")
    assert read(config=config).rooms == 3


# ---------------------------------------------------------------------- live


def edit(config: Path, content: str) -> None:
    """Writes a file of another length or age than before, as an editor does."""
    config.write_text(content)


def test_live_fields_are_those_marked() -> None:
    assert live_fields(House) == {"lit", "mood", "heat_c"}


def test_an_edit_of_live_settings_counts(config: Path) -> None:
    config.write_text("name: home\nheat_c: 18")
    live = LiveSettings(House, {"config": config})
    assert live.refresh() is False
    edit(config, "name: home\nheat_c: 21.5")
    assert live.refresh() is True
    assert live.now.heat_c == 21.5
    assert live.refresh() is False


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name: home\nheat_c: 30\nrooms: 9", "rooms cannot change while the process runs"),
        ("name: home\nheat_c: 30\nmood: grim", "mood in .* is 'grim': "),
        ("name: home\nheat_c: 30\nmoood: calm", "did you mean mood"),
        ("name: home\nheat_c: [", "is not YAML"),
        (None, "cannot read"),
    ],
)
def test_a_bad_edit_changes_nothing_and_is_one_line(
    config: Path, content: str | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []
    monkeypatch.setattr("antiphon_core.live.log.error", lambda event, reason: lines.append(f"{event}: {reason}"))
    config.write_text("name: home\nheat_c: 18")
    live = LiveSettings(House, {"config": config})
    before = live.now
    if content is None:
        config.unlink()
    else:
        edit(config, content)
    assert live.refresh() is False
    assert live.now is before
    (line,) = lines
    assert re.search(says, line)
    assert "\n" not in line


def test_a_bad_edit_is_told_once_and_its_repair_counts(config: Path) -> None:
    config.write_text("name: home")
    live = LiveSettings(House, {"config": config})
    edit(config, "name: home\nheat_c: warm")
    assert not live.refresh()
    assert not live.refresh()
    edit(config, "name: home\nheat_c: 22")
    assert live.refresh()
    assert live.now.heat_c == 22


def test_flags_still_win_after_an_edit(config: Path) -> None:
    config.write_text("name: home")
    live = LiveSettings(House, {"config": config, "heat_c": 20.0})
    edit(config, "name: home\nheat_c: 25\nlit: true")
    assert live.refresh()
    assert (live.now.heat_c, live.now.lit) == (20.0, True)


def test_without_a_file_nothing_ever_changes() -> None:
    live = LiveSettings(House, {"name": "home"})
    assert live.refresh() is False
