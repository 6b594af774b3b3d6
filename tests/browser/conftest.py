"""A real browser before a real page: Chromium, a microphone that plays a track, and ears in the page's audio graph."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Playwright, async_playwright
from spoken import Say
from visit import Opener, Visit, visiting

from tests.e2e.house import House, served
from tests.e2e.mind import knowing

__all__ = ["knowing", "served"]  # fixtures: `mind` and `house`

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SCREENSHOTS = Path(__file__).parents[2] / "out" / "browser"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.timeout(120))
        if CHROMIUM is None and "browser" in getattr(item, "fixturenames", ()):
            reason = "Chromium is not here: install it (Debian: apt-get install chromium)"
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Playwright]:
    """What starts Chromium; every visit has one of its own, because its microphone is a flag."""
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Playwright, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens pages; each is looked over when the test is done: nothing on the console, nothing from elsewhere."""
    assert CHROMIUM is not None
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)

    @asynccontextmanager
    async def opened(url: str, **wishes: object) -> AsyncIterator[Visit]:
        async with visiting(browser, CHROMIUM, url, tmp_path, SCREENSHOTS, **wishes) as page:  # type: ignore[arg-type]
            yield page
            page.expect_nothing_amiss()

    yield opened


@pytest.fixture(scope="session")
def lines() -> dict[str, bytes]:
    """What was spoken once."""
    return {}


@pytest_asyncio.fixture(loop_scope="session")
async def say(house: House, lines: dict[str, bytes]) -> Say:
    """Speaks a text: 16 bit at 24 kHz."""

    async def spoken(text: str) -> bytes:
        if text not in lines:
            lines[text] = await asyncio.to_thread(house.speak, text)
        return lines[text]

    return spoken
