"""Checks of what an adapter says of itself, before it speaks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

from pluggy import PluginValidationError

from antiphon_core.errors import BadSettings, UnknownModel
from antiphon_core.models import Capability, Model, ModelInfo
from antiphon_core.store import catalogue_of
from antiphon_core.testkit import listing_probe
from antiphon_core.testkit.standard import Standard
from antiphon_core.testkit.subject import HOOKS, Subject
from antiphon_core.testkit.verdict import described, refuse

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?(-[A-Za-z0-9]{2,8})*")
_RATES_HZ = range(8_000, 192_001)
UNKNOWN = "no-such-thing"


class ContractChecks(Standard):
    """Hooks, listing, descriptions, loading."""

    def test_the_plugin_fulfils_the_hook_spec(self, antiphon_subject: Subject) -> None:
        try:
            manager = antiphon_subject.manager
            manager.check_pending()
        except PluginValidationError as error:
            refuse(f"the plug-in's hooks are not those of the spec: {error}", "see antiphon_core.hookspecs.TTSAdapter")
        except Exception as error:
            refuse(f"the plug-in cannot be loaded: {described(error)}", "mend `adapter`, the entry point or the module")
        for name in HOOKS:
            if not getattr(manager.hook, name).get_hookimpls():
                refuse(f"the plug-in has no hook {name}", f"write `def {name}` in its module and mark it @hookimpl")

    def test_listing_is_cheap_and_imports_no_engine(self, antiphon_subject: Subject) -> None:
        antiphon_subject.hook  # noqa: B018 # skips where it is not there
        report = _listed_in_a_process_of_its_own(self)
        if report["error"]:
            refuse(f"tts_list_models raised {report['error']}", "list from disk and catalogue; fetch when loading")
        foreign = sorted(set(report["imported"]) - set(self.light_imports))
        if foreign or len(self.light_imports) > self.extra_imports:
            refuse(
                f"listing imported {', '.join(foreign) or 'what light_imports names'}",
                "import the engine inside tts_load_model; for a small package, name it in `light_imports`, raise "
                "`extra_imports` and say why in `loosened`",
            )
        if report["listing_s"] > self.listing_s:
            refuse(
                f"tts_list_models took {report['listing_s']:.2f} s; at most {self.listing_s:g} s is allowed",
                "read nothing big: sizes, names and a small header at most",
            )

    def test_descriptions_are_complete(self, antiphon_subject: Subject) -> None:
        infos = antiphon_subject.list_models()
        if not infos:
            refuse("no model is listed", "list what could be loaded, whether or not its files are here yet")
        ids = [info.id for info in infos]
        if len(set(ids)) != len(ids):
            refuse(f"two models have one id among {', '.join(ids)}", "give each model an id of its own")
        if infos != antiphon_subject.list_models():
            refuse("listing twice gives two different lists", "describe what is there, in a fixed order")
        for info in infos:
            for fault, do in _faults(info):
                refuse(f"model {info.id!r}: {fault}", do)
        _check_catalogue(antiphon_subject, {info.files for info in infos} - {""})

    def test_the_model_loads(self, antiphon_subject: Subject) -> None:
        info = antiphon_subject.info
        antiphon_subject.release()
        try:
            model = antiphon_subject.load()
        except Exception as error:
            refuse(f"loading {info.id!r} raised {described(error)}", "load what tts_list_models named")
        if not isinstance(model, Model):
            refuse(f"tts_load_model gave a {type(model).__name__}", "return a subclass of antiphon_core.models.Model")
        model.close()
        if model.info != info:
            refuse("the loaded model's info is not the one listed", "pass the listed ModelInfo to Model.__init__")

    def test_an_unknown_model_is_refused(self, antiphon_subject: Subject) -> None:
        try:
            model = antiphon_subject.load(UNKNOWN)
        except UnknownModel:
            return
        except Exception as error:
            refuse(f"loading an unknown model raised {described(error)}", "raise UnknownModel and name the known ones")
        if model is not None:
            refuse("loading an unknown model gave a model", "raise UnknownModel; never load another model instead")


def _faults(info: ModelInfo) -> list[tuple[str, str]]:
    languages = [language for voice in info.voices for language in voice.languages]
    checks = [
        (info.id and not re.search(r"\s", info.id), f"its id is {info.id!r}", "name it without white space"),
        (len({voice.id for voice in info.voices}) == len(info.voices), "two voices have one id", "rename one"),
        (
            all(_LANGUAGE.fullmatch(language) for language in languages),
            f"languages {languages}",
            "write BCP 47 tags such as en or pt-BR",
        ),
        (info.native_rate_hz in _RATES_HZ, f"a native rate of {info.native_rate_hz} Hz", "say what the engine makes"),
        (info.licence, "no licence", "name the weights' licence, by its SPDX id where it has one"),
        (info.size_bytes > 0, f"a size of {info.size_bytes} bytes", "say what it takes in memory, roughly"),
        (
            not (info.needs_gpu and Capability.CPU_OK in info.capabilities),
            "it needs a GPU and is CPU_OK",
            "declare one of them",
        ),
    ]
    return [(fault, do) for fine, fault, do in checks if not fine]


def _check_catalogue(subject: Subject, wanted: set[str]) -> None:
    try:
        entries = {entry.id for entry in catalogue_of(subject.module).entries}
    except BadSettings as error:
        refuse(error.message, "mend catalogue.yaml")
    if missing := wanted - entries:
        refuse(
            f"models need {', '.join(sorted(missing))}, which catalogue.yaml beside {subject.module} does not hold",
            "add the entries, or leave ModelInfo.files empty where the engine's package brings the weights",
        )


def _listed_in_a_process_of_its_own(standard: Standard) -> dict[str, Any]:
    job = {
        "path": sys.path,
        "adapter": standard.adapter,
        "options": dict(standard.options),
        "model_dirs": [str(folder) for folder in standard.model_dirs],
    }
    command = [sys.executable, "-m", listing_probe.__name__]
    try:
        done = subprocess.run(
            command, input=json.dumps(job), capture_output=True, text=True, timeout=standard.patience_s, check=True
        )
    except subprocess.TimeoutExpired:
        refuse(f"listing took more than {standard.patience_s:g} s", "list without loading or fetching anything")
    except subprocess.CalledProcessError as error:
        refuse(f"listing ended the process:\n{error.stderr[-2000:]}", "let the plug-in's import and listing end well")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report
