"""The package as npm has it, and a browser; each is skipped with a reason where it cannot be had."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

HERE = Path(__file__).parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_INSTALL_S = 300
_FLAGS = (
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--no-sandbox",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(_INSTALL_S + 60))


@pytest.fixture(scope="session")
def package() -> Path:
    """A folder in which @openai/agents is installed; kept beside the environment, so that npm is asked once."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not here: install Node.js 20 or newer (Debian: apt-get install nodejs npm)")
    folder = Path(sys.prefix) / "agents_js"
    wanted = (HERE / "package.json").read_bytes()
    manifest = folder / "package.json"
    if not (manifest.exists() and manifest.read_bytes() == wanted and (folder / "node_modules").exists()):
        folder.mkdir(exist_ok=True)
        manifest.write_bytes(wanted)
        command = ("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run(command, cwd=folder, check=True, timeout=_INSTALL_S)
    for program in HERE.glob("*.*js"):
        shutil.copy(program, folder)
    return folder


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Browser]:
    """Chromium with a microphone that beeps."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not here: install it (Debian: apt-get install chromium)")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()
