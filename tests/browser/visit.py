"""One visit to the page: a Chromium of its own, what it shows, what its graph heard, and what is amiss."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from playwright.async_api import ConsoleMessage, Download, Page, Playwright, Request, expect

from tests.e2e.ears import wav

HERE = Path(__file__).parent
Samples = npt.NDArray[np.int16]
Opener = Callable[..., AbstractAsyncContextManager["Visit"]]
DESK = {"width": 1200, "height": 800}
PHONE = {"width": 375, "height": 740}
_PATIENCE_MS = 30_000


@dataclass(frozen=True, slots=True)
class Heard:
    """What went through the page's audio graph: the microphone and the loudspeaker, by one clock."""

    rate_hz: int
    microphone: Samples
    loudspeaker: Samples

    @property
    def seconds(self) -> float:
        return len(self.loudspeaker) / self.rate_hz


@dataclass
class Visit:
    """`tolerated`: words of console messages that belong to the test, such as those of a server that is gone."""

    page: Page
    screenshots: Path
    host: str
    tolerated: tuple[str, ...] = ()
    console: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        """Presses the one button, and waits until the server listens."""
        await self.page.click("#talk")
        await self.state("idle", "listening", "thinking", "speaking", "held")

    async def write(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def state(self, *names: str) -> None:
        """Waits until the page shows one of these."""
        wanted = ", ".join(f'body[data-state="{name}"]' for name in names)
        await self.page.wait_for_selector(wanted, timeout=_PATIENCE_MS, state="attached")

    async def said(self, role: str, state: str, number: int = 0) -> str:
        """Waits for a caption in a state; its whole text."""
        row = self.page.locator(f'.said[data-role="{role}"][data-state="{state}"]').nth(number)
        await expect(row).to_be_visible(timeout=_PATIENCE_MS)
        return await row.locator(".words").inner_text()

    async def captions(self) -> list[tuple[str, str, str]]:
        """Role, state and text of every line."""
        rows = await self.page.locator(".said").all()
        return [
            (
                str(await row.get_attribute("data-role")),
                str(await row.get_attribute("data-state")),
                await row.locator(".words").inner_text(),
            )
            for row in rows
        ]

    async def figure(self, name: str) -> str:
        return await self.page.inner_text(f"#figure-{name}")

    async def heard(self) -> Heard:
        """What the tap has recorded so far."""
        told: dict[str, Any] = await self.page.evaluate("window.heardHere()")
        lanes = np.frombuffer(base64.b64decode(told["lanes"]), "<i2").reshape(-1, 2)
        return Heard(int(told["rate"]), lanes[:, 0].copy(), lanes[:, 1].copy())

    async def heard_loudspeaker(self) -> float:
        """For how many seconds there was sound."""
        heard = await self.heard()
        return float(np.count_nonzero(np.abs(heard.loudspeaker.astype(np.int32)) > 300)) / heard.rate_hz

    async def told(self) -> dict[str, Any]:
        """The JSON file of the conversation."""
        saved = await self.downloads()
        told: dict[str, Any] = json.loads(next(content for name, content in saved.items() if name.endswith(".json")))
        return told

    async def downloads(self) -> dict[str, bytes]:
        """Presses the button; the two files by their names."""
        files: list[Download] = []
        self.page.on("download", lambda file: files.append(file))
        await self.page.click("#download")
        while len(files) < 2:  # noqa: ASYNC110 - playwright tells of each by a call
            await asyncio.sleep(0.05)
        return {file.suggested_filename: _content(await file.path()) for file in files}

    async def shoot(self, name: str) -> None:
        """A picture of this state, for people."""
        await self.page.screenshot(path=self.screenshots / f"{name}.png")

    def expect_nothing_amiss(self) -> None:
        amiss = [line for line in self.console if not any(word in line for word in self.tolerated)]
        assert amiss == [], "the console must stay empty"
        assert self.elsewhere == [], "no other host may be asked for anything"

    def _on_console(self, message: ConsoleMessage) -> None:
        self.console.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith(("data:", "blob:")) and self.host not in request.url:
            self.elsewhere.append(request.url)


@asynccontextmanager
async def visiting(
    browser: Playwright,
    chromium: str,
    url: str,
    folder: Path,
    screenshots: Path,
    *,
    microphone: bytes | None = None,
    permission: bool = True,
    device: bool = True,
    viewport: dict[str, int] = DESK,
    dark: bool = False,
    tolerated: tuple[str, ...] = (),
    settings: dict[str, Any] | None = None,
) -> AsyncIterator[Visit]:
    """`microphone`: what it plays once, 16 bit at 24 kHz; without it, silence. `settings`: remembered from before."""
    (folder / "microphone.wav").write_bytes(wav(microphone or bytes(48_000)))
    flags = ["--no-sandbox", "--autoplay-policy=user-gesture-required"]
    if device:
        flags += [
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-audio-capture={folder}/microphone.wav%noloop",
        ]
        flags += ["--use-fake-ui-for-media-stream"] if permission else []
    chrome = await browser.chromium.launch(executable_path=chromium, args=flags)
    try:
        context = await chrome.new_context(
            viewport=viewport,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            device_scale_factor=1,
            accept_downloads=True,
        )
        page = await context.new_page()
        visit = Visit(page, screenshots, url.removeprefix("http://"), tolerated)
        page.on("console", visit._on_console)
        page.on("pageerror", lambda error: visit.console.append(f"uncaught: {error}"))
        page.on("request", visit._on_request)
        await page.add_init_script(path=HERE / "ears.js")
        if settings:
            await page.add_init_script(_remember(settings))
        await page.goto(url)
        try:
            yield visit
        except BaseException as error:
            await visit.shoot("failed")
            error.add_note(f"console: {visit.console}; captions: {await visit.captions()}")
            raise
    finally:
        await chrome.close()


def _content(path: Path) -> bytes:
    return path.read_bytes()


def _remember(settings: dict[str, Any]) -> str:
    return f"if (!localStorage.length) localStorage.setItem('antiphon.settings', {json.dumps(json.dumps(settings))});"
