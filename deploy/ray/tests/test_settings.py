"""The file of engines: what it may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from antiphon_core.errors import BadSettings
from antiphon_ray.settings import EngineSettings, FleetSettings, read_fleet

FILE = """
registry: redis://registry-host
engines:
  piper:
  big:
    adapter: cosyvoice
    min_replicas: 2
    max_replicas: 6
    gpus: 0.5
    memory: 8GB
    resources: {near_the_disk: 1}
    settings: {drain_s: 60, own_dirs: [/srv/voices]}
"""


def read(folder: Path, text: str) -> FleetSettings:
    file = folder / "engines.yaml"
    file.write_text(text, encoding="utf-8")
    return read_fleet(file)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(BadSettings) as caught:
        read(folder, text)
    assert "\n" not in caught.value.message
    return caught.value.message


def test_an_engine_needs_nothing_but_its_name(tmp_path: Path) -> None:
    piper, _ = read(tmp_path, FILE).engines
    assert (piper.name, piper.engine, piper.registry) == ("piper", "piper", "redis://registry-host")
    assert (piper.min_replicas, piper.most_replicas) == (1, 1)


def test_an_engine_may_say_all_there_is_to_say(tmp_path: Path) -> None:
    _, big = read(tmp_path, FILE).engines
    assert (big.engine, big.min_replicas, big.most_replicas, big.memory) == ("cosyvoice", 2, 6, 8_000_000_000)
    assert big.worker()["own_dirs"] == ["/srv/voices"]


def test_a_worker_with_a_gpu_runs_on_it_unless_it_is_told_otherwise() -> None:
    assert EngineSettings(name="a", gpus=1).worker()["device"] == "cuda:0"
    assert EngineSettings(name="a", gpus=1, settings={"device": "cpu"}).worker()["device"] == "cpu"
    assert "device" not in EngineSettings(name="a").worker()


def test_a_worker_has_longer_to_end_than_its_utterances(tmp_path: Path) -> None:
    piper, big = read(tmp_path, FILE).engines
    assert piper.end_s > 30
    assert big.end_s > 60


def test_workers_announce_themselves_where_the_file_says_or_else_their_machine() -> None:
    there = {"ANTIPHON_WORKER_REGISTRY": "redis://theirs"}
    assert EngineSettings(name="a", registry="redis://ours").announced_in(there) == "redis://ours"
    assert EngineSettings(name="a").announced_in(there) == "redis://theirs"
    with pytest.raises(BadSettings, match="engine a has no registry, and nobody would find its workers; write"):
        EngineSettings(name="a").announced_in({})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "there is no engine"),
        ("engines: {}", "there is no engine"),
        ("engines: [piper]", "there is no engine"),
        ("- piper", "there is no engine"),
        ("engines: {piper: [1]}", "engine piper: it holds"),
        ("engines: {piper: {gpu: 1}}", "there is no setting gpu; an engine has: adapter, cpus, gpus"),
        ("engines: {piper: {min_replicas: 0}}", "min_replicas: Input should be greater than or equal to 1"),
        ("engines: {piper: {min_replicas: 3, max_replicas: 2}}", "max_replicas is 2; it is at least min_replicas, 3"),
        ("engines: {piper: {settings: {port: 1}}}", "port follows from where the worker runs; leave it out"),
        ("engines: {piper: {settings: {threds: 1}}}", "there is no setting threds; did you mean threads?"),
        ("engines: {piper: {settings: {threads: 0}}}", "settings: --threads is 0"),
        ("engines: {'my engine': }", "engine my engine: name"),
        ("engines: {piper: }\nregistr: redis://x", "there is no setting registr"),
        ("engines: {", "is not YAML"),
    ],
)
def test_a_mistake_is_one_line_that_says_where_and_what(tmp_path: Path, text: str, words: str) -> None:
    assert words in complaint(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"cannot read .*nowhere.yaml: No such file"):
        read_fleet(tmp_path / "nowhere.yaml")
