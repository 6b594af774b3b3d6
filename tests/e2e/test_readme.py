"""The README's program holds a turn with a server that was started as the README says."""

from __future__ import annotations

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from conftest import CLIENTS, environment
from ears import recognised, word_error_rate
from house import House, up

pytestmark = [
    pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="session"),
]  # fmt: skip

README = Path(__file__).parents[2] / "README.md"
TOLERATED = 0.15


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def plain_house() -> AsyncIterator[House]:
    """`antiphon up` with nothing said to it: the small local model answers."""
    async with up() as house:
        yield house


async def test_the_program_in_the_readme_holds_a_turn(plain_house: House, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    script = tmp_path / "program.py"
    script.write_text(program.replace("127.0.0.1:8080", plain_house.url.partition("//")[2]), encoding="utf-8")
    python = await asyncio.to_thread(environment, CLIENTS / "openai")
    done = await asyncio.to_thread(
        subprocess.run, [python, script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    heard = await asyncio.to_thread(recognised, plain_house.url, (tmp_path / "answer.wav").read_bytes())
    assert done.stdout.strip()
    assert word_error_rate(done.stdout, heard) <= TOLERATED, (done.stdout, heard)
