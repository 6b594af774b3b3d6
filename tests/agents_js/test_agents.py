"""The npm package @openai/agents, unchanged, holds conversations over both of its transports."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import Serving, eventually, serving
from antiphon_orchestrator.testing.tones import OneSentence, Sounding
from playwright.async_api import Browser, Page, Route

KEY = "server-key"
LIMIT_S = 60.0
PAGE = '<!doctype html><title>agents</title><script type="module" src="/agents/webrtc.js"></script>'
HELLO = "Hello there, how are you?"
LONG = "word " * 60


async def client_secret(server: Serving) -> str:
    """What a web application's own backend asks for."""
    answer = await server.http.post(
        "/v1/realtime/client_secrets",
        json={"session": {"type": "realtime", "model": "gpt-realtime"}},
        headers={"Authorization": f"Bearer {KEY}"},
    )
    return str(answer.raise_for_status().json()["value"])


def parts(answer: str) -> Sounding:
    return Sounding(mind=ScriptedLlm([answer]), asr=OneSentence(""))


async def test_a_program_talks_over_a_websocket(package: Path) -> None:
    async with serving(parts(HELLO), api_keys=KEY) as server:
        url = f"ws://127.0.0.1:{server.port}/v1/realtime?model=gpt-realtime"
        command = ("node", str(package / "websocket.mjs"), url, await client_secret(server))
        process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
        async with asyncio.timeout(LIMIT_S):
            said, _ = await process.communicate()
        await eventually(lambda: not len(server.server.conversations))
    report = json.loads(said)
    assert report["errors"] == []
    assert report["transcript"] == HELLO
    assert report["audioBytes"] == 5 * 10 * 960, "five words of ten frames"
    assert report["events"].count("response.done") == 1


async def opened(browser: Browser, server: Serving, package: Path) -> Page:
    """A page of an application that uses the package, connected with a key of its own."""
    bundle = package / "node_modules" / "@openai" / "agents-realtime" / "dist" / "bundle"
    page = await browser.new_page()

    async def serve(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if name == "index.html":
            await route.fulfill(body=PAGE, content_type="text/html")
        else:
            path = package / name if (package / name).exists() else bundle / name
            await route.fulfill(path=path, content_type="text/javascript")

    await page.route("**/agents/*", serve)
    await page.goto(f"http://127.0.0.1:{server.port}/agents/index.html")
    await page.wait_for_function("window.agents !== undefined")
    await page.evaluate("key => agents.connect(key)", await client_secret(server))
    return page


async def report_of(page: Page) -> dict[str, Any]:
    report: dict[str, Any] = await page.evaluate("agents.report()")
    return report


async def told(page: Page, type_: str) -> None:
    await page.wait_for_function(
        "type => agents.report().events.includes(type)", arg=type_, timeout=LIMIT_S * 1000, polling=50
    )


async def test_a_page_talks_over_webrtc(package: Path, browser: Browser) -> None:
    async with serving(parts(HELLO), api_keys=KEY) as server:
        page = await opened(browser, server, package)
        await page.evaluate("agents.write('Hello.')")
        await told(page, "output_audio_buffer.stopped")
        await asyncio.sleep(0.5)  # what the browser still has to play
        report = await report_of(page)
        await page.evaluate("agents.close()")
        await eventually(lambda: not len(server.server.conversations), 30)
    assert report["errors"] == []
    assert report["callId"].startswith("rtc_")
    assert report["loudMs"] > 600, "five words of 200 ms, looked for now and then"
    assert "output_audio_buffer.started" in report["events"]


async def test_a_page_interrupts_over_webrtc(package: Path, browser: Browser) -> None:
    async with serving(parts(LONG), api_keys=KEY) as server:
        page = await opened(browser, server, package)
        await page.evaluate("agents.write('Tell me everything.')")
        await told(page, "output_audio_buffer.started")
        await page.evaluate("agents.interrupt()")
        await told(page, "output_audio_buffer.cleared")
        await told(page, "response.done")
        await asyncio.sleep(0.5)
        before = (await report_of(page))["loudMs"]
        await asyncio.sleep(0.5)
        report = await report_of(page)
    assert report["loudMs"] == before, "silence"
    assert report["errors"] == []
