"""docs/protocol.md: its table of errors is the wire's, and its client speaks."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import pytest
from antiphon_core import errors
from antiphon_core.wire.failures import failure_to_wire
from antiphon_proto.v1 import tts_pb2 as pb

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
CLIENT = re.findall(r"<!-- runs -->\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(first_column: str) -> list[list[str]]:
    """The cells of the table whose first column has that name."""
    lines = PAGE.split(f"\n| {first_column} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip().strip("`") for cell in line.strip("|").split(" | ")] for line in lines]


def sent() -> dict[str, str]:
    """Every condition that the wire knows, and its status."""
    found = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.AntiphonError):
            code, _, ((_, trailer),) = failure_to_wire(kind("x"))
            detail = pb.ErrorDetail()
            pb.Status.FromString(trailer).details[0].Unpack(detail)
            found[pb.ErrorDetail.Condition.Name(detail.condition).removeprefix("CONDITION_")] = code.name
    return {name: code for name, code in found.items() if name != "UNSPECIFIED"}


def test_the_table_of_errors_is_the_wire_s() -> None:
    assert {row[0]: row[1] for row in rows("condition")} == sent()


def test_the_table_of_calls_is_the_service_s() -> None:
    methods = set(pb.DESCRIPTOR.services_by_name["TextToSpeech"].methods_by_name)
    assert {row[0] for row in rows("call")} | {"Synthesize"} == methods


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[str]:
    """The address of a worker of the reference adapter."""
    log = tmp_path / "worker.log"
    command = [sys.executable, "-m", "antiphon_core.worker.main", "--adapter", "tone", "--port", "0"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stderr=out)
    try:
        while not (ready := re.search(r'^{.*"event": "ready".*}$', log.read_text(), re.MULTILINE)):
            assert process.poll() is None, log.read_text()
        yield json.loads(ready[0])["address"]
    finally:
        process.terminate()
        process.wait()


def test_the_client_on_the_page_speaks(worker: str, tmp_path: Path) -> None:
    (code,) = CLIENT
    path = tmp_path / "said.wav"
    command = [sys.executable, "-c", code, worker, "good morning", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    with wave.open(str(path)) as wav:
        assert said == f"{wav.getnframes() / 24_000:.2f} s of speech\n"
        assert wav.getnframes() > 12_000


def test_the_client_needs_nothing_but_the_contract() -> None:
    (code,) = CLIENT
    imported = set(re.findall(r"^(?:import|from) ([\w.]+)", code, re.MULTILINE))
    assert imported <= {"sys", "wave", "grpc", "antiphon_proto.v1"}
