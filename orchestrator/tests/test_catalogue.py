"""The models that listen and think."""

from __future__ import annotations

from antiphon_core.store import catalogue_of

CATALOGUE = catalogue_of("antiphon_orchestrator")


def test_it_names_the_models_of_a_first_run() -> None:
    ids = {entry.id for entry in CATALOGUE.entries}
    assert {"silero-vad", "smart-turn", "moonshine-tiny-en", "smollm2-135m-instruct"} <= ids


def test_every_file_can_be_had_wherever_packages_can() -> None:
    for entry in CATALOGUE.entries:
        for file in entry.files:
            assert file.sources[0].text.startswith("pypi:"), f"{entry.id}: {file.path}"


def test_every_licence_is_open_and_can_be_read() -> None:
    assert {entry.licence for entry in CATALOGUE.entries} <= {"MIT", "BSD-2-Clause", "Apache-2.0"}
    assert all(entry.licence_url.startswith("https://") for entry in CATALOGUE.entries)
