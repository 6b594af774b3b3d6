"""The page about Ray says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from antiphon_ray.cli.main import main
from antiphon_ray.head import QUICK_TO_NOTICE
from antiphon_ray.settings import EngineSettings, read_fleet

PAGE = (Path(__file__).parents[3] / "docs/ray.md").read_text(encoding="utf-8")
BY_THE_KEY = {"name"}


def rows() -> list[str]:
    """The table of an engine's settings, as it has to be."""
    found = []
    for name, field in EngineSettings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = f"`{default:g}`" if isinstance(default, (int, float)) else ""
        found += [f"| `{name}` | {shown} | {field.description} |"] if name not in BY_THE_KEY else []
    return found


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    _, _, table = PAGE.partition("| setting | default | meaning |\n|---|---|---|\n")
    assert table.partition("\n\n")[0].splitlines() == rows()


def test_its_file_of_engines_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(registry:.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "engines.yaml"
    file.write_text(text, encoding="utf-8")
    assert [engine.name for engine in read_fleet(file).engines] == ["piper", "cosyvoice"]


def test_what_makes_ray_notice_sooner_is_what_is_set() -> None:
    told = dict(re.findall(r"(RAY_health_check_\w+)=(\d+)", PAGE))
    assert told
    assert told.items() <= QUICK_TO_NOTICE.items()


def test_a_configuration_for_ray_serve_is_written_and_mistakes_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "engines.yaml"
    file.write_text("registry: redis://r\nengines: {piper: {gpus: 0.5}}", encoding="utf-8")
    assert main(["config", str(file)]) == 0
    (application,) = yaml.safe_load(capsys.readouterr().out)["applications"]
    assert application["name"] == "piper"
    assert EngineSettings.model_validate(application["args"]).gpus == 0.5
    file.write_text("engines: {piper: {gpu: 0.5}}", encoding="utf-8")
    assert main(["up", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"antiphon-ray: {file}: engine piper: there is no setting gpu; ")
