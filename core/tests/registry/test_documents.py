"""Workers' documents survive the way through JSON; what cannot be read is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from antiphon_core.models import Capability
from antiphon_core.registry.base import Load, ModelState, WorkerRecord
from antiphon_core.registry.documents import (
    BadDocument,
    Beat,
    read_beat,
    read_document,
    revision_of,
    write_beat,
    write_document,
)
from registry_world import description

RECORD = WorkerRecord("host:1", description(in_flight=2))


def test_a_worker_comes_back_as_it_was_written() -> None:
    document = write_document(RECORD)
    assert read_document(document, RECORD.description.load) == RECORD
    assert '"load"' not in document


def test_how_much_of_a_model_is_fetched_comes_back_too() -> None:
    loading = replace(RECORD.description.models[1], state=ModelState.LOADING, fetched_percent=40)
    description = replace(RECORD.description, models=(loading,))
    assert read_document(write_document(WorkerRecord("a", description)), description.load).description.models == (
        loading,
    )


def test_a_worker_over_tls_says_so_and_one_of_an_older_release_has_none() -> None:
    document = write_document(replace(RECORD, tls=True))
    assert read_document(document, RECORD.description.load).tls
    older = json.loads(document)
    del older["tls"]
    assert not read_document(json.dumps(older), RECORD.description.load).tls


def test_a_beat_brings_the_load_and_a_new_document() -> None:
    beat = Beat("id", 7, "r", RECORD.description.load)
    assert read_beat(write_beat(beat)) == beat
    document = write_document(RECORD)
    assert read_beat(write_beat(beat, document)) == replace(beat, record=RECORD)


def test_the_last_beat_says_so() -> None:
    assert read_beat(write_beat(Beat("id", gone=True))) == Beat("id", gone=True)


def test_the_revision_changes_with_what_the_worker_is_and_not_with_its_load() -> None:
    busy = replace(RECORD.description, load=Load(99))
    other = replace(RECORD.description, default_model="n")
    first, second, third = (
        revision_of(write_document(WorkerRecord("a", now))) for now in (RECORD.description, busy, other)
    )
    assert first == second != third


def test_what_a_newer_release_adds_is_passed_over() -> None:
    document = json.loads(write_document(RECORD))
    document["mood"] = document["worker"]["mood"] = document["worker"]["models"][0]["info"]["mood"] = "good"
    document["worker"]["models"][0]["info"]["capabilities"].append("singing")
    document["worker"]["models"][1]["state"] = "dreaming"
    record = read_document(json.dumps(document), RECORD.description.load)
    first, second = record.description.models
    assert first.info.capabilities == {Capability.SPEED, Capability.CLONING}
    assert second.state is ModelState.AVAILABLE


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "7", "{}", '{"format": 2}', '{"format": 1}', '{"format": 1, "id": "x", "number": "y"}', b"\xff"],
)
def test_what_is_no_document_is_refused(text: str | bytes) -> None:
    with pytest.raises(BadDocument):
        read_document(text, Load())
    with pytest.raises(BadDocument):
        read_beat(text)


def test_a_format_of_another_release_is_named() -> None:
    with pytest.raises(BadDocument, match="format 2 was written by another release"):
        read_beat('{"format": 2, "id": "x"}')
