from __future__ import annotations

import sys
from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings, CannotLoad, UnknownModel
from antiphon_core.models import AdapterSettings
from antiphon_core.testkit.files import NoFiles
from antiphon_core.worker.plugins import installed_adapters, load_adapter
from worker import scripted
from worker.installing import install

SETTINGS = AdapterSettings(files=NoFiles())


def plugin(folder: Path, name: str, code: str) -> None:
    """An installed adapter whose module holds the code."""
    install(folder, name, f"{name}_plugin")
    (folder / f"{name}_plugin.py").write_text(code)


def test_adapters_are_listed_with_their_distributions_and_without_being_imported(installed: Path) -> None:
    plugin(installed, "explosive", "raise SystemExit('imported')")
    adapters = {adapter.name: adapter for adapter in installed_adapters()}
    assert adapters["explosive"].distribution == "antiphon-adapter-explosive"
    assert adapters["explosive"].version == "1.2.3"
    assert adapters["scripted"].module == "worker.scripted"
    assert [*adapters] == sorted(adapters)


def test_only_the_adapter_asked_for_is_imported(installed: Path) -> None:
    plugin(installed, "other", "")
    adapter = load_adapter("scripted")
    assert "other_plugin" not in sys.modules
    assert [info.id for info in adapter.list_models(SETTINGS)] == [info.id for info in scripted.BUILT_IN]
    assert adapter.version == "1.2.3"


def test_an_unknown_adapter_names_the_installed_ones_and_how_to_get_more(installed: Path) -> None:
    with pytest.raises(BadSettings, match="pip install antiphon-adapter-hal") as unknown:
        load_adapter("hal")
    assert "scripted" in unknown.value.message
    assert "scripted" in unknown.value.allowed


def test_an_adapter_that_does_not_import_says_why(installed: Path) -> None:
    plugin(installed, "halfway", "import an_engine_that_is_not_here")
    with pytest.raises(CannotLoad, match=r"halfway.*No module named 'an_engine_that_is_not_here'"):
        load_adapter("halfway")


def test_a_misspelt_hook_is_an_error(installed: Path) -> None:
    code = "from antiphon_core.hookspecs import hookimpl\n@hookimpl\ndef tts_lode_model(model_id): ..."
    plugin(installed, "misspelt", code)
    with pytest.raises(CannotLoad, match="tts_lode_model"):
        load_adapter("misspelt")


def test_a_missing_hook_is_an_error(installed: Path) -> None:
    plugin(installed, "lazy", "")
    with pytest.raises(CannotLoad, match="does not implement tts_list_models and tts_load_model"):
        load_adapter("lazy")


LISTS = "from antiphon_core.hookspecs import hookimpl\n@hookimpl\ndef tts_list_models(settings): return []\n"


def test_an_adapter_without_models_is_an_error(installed: Path) -> None:
    plugin(installed, "empty", LISTS + "@hookimpl\ndef tts_load_model(model_id): ...")
    with pytest.raises(CannotLoad, match="offers no model"):
        load_adapter("empty").list_models(SETTINGS)


def test_a_model_that_the_adapter_does_not_know_is_an_error(installed: Path) -> None:
    plugin(installed, "none", LISTS + "@hookimpl\ndef tts_load_model(model_id): return None")
    with pytest.raises(UnknownModel, match="knows no model 'x'"):
        load_adapter("none").load_model("x", "cpu", SETTINGS)


def test_something_that_is_no_model_is_an_error(installed: Path) -> None:
    plugin(installed, "wrong", LISTS + "@hookimpl\ndef tts_load_model(model_id): return 'a model'")
    with pytest.raises(CannotLoad, match="gave a str for model 'x'"):
        load_adapter("wrong").load_model("x", "cpu", SETTINGS)


def test_an_engine_that_raises_while_loading_is_told_with_its_own_words(installed: Path) -> None:
    settings = AdapterSettings(files=NoFiles(), options={"raise_at": "load"})
    with pytest.raises(CannotLoad, match="'plain' cannot be loaded: RuntimeError: broken at load"):
        load_adapter("scripted").load_model("plain", "cpu", settings)


def test_an_adapters_own_conditions_pass_as_they_are(installed: Path) -> None:
    code = LISTS + (
        "from antiphon_core.errors import LicenceRefused\n"
        "@hookimpl\ndef tts_load_model(model_id): raise LicenceRefused('not here')"
    )
    plugin(installed, "strict", code)
    with pytest.raises(Exception, match="not here") as refused:
        load_adapter("strict").load_model("x", "cpu", SETTINGS)
    assert type(refused.value).__name__ == "LicenceRefused"
