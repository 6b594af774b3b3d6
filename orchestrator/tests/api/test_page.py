"""The page as it is served: whole, of the right types, under its policy, to everybody."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest
from antiphon_orchestrator.testing.server import serving

pytestmark = pytest.mark.integration

WEB = Path(str(files("antiphon_orchestrator") / "web"))
HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
MAX_BYTES = 150_000
MAX_LINES = 400
FILES = [path for path in WEB.rglob("*") if path.is_file()]


async def test_a_browser_gets_the_page_and_a_terminal_a_few_lines() -> None:
    async with serving() as server:
        page = await server.http.get("/", headers=HTML)
        assert page.headers["content-type"].startswith("text/html")
        assert "<title>Antiphon</title>" in page.text
        plain = await server.http.get("/")
        assert plain.headers["content-type"].startswith("text/plain")
        assert "Accept" in page.headers["vary"].split(", ")
        assert "Accept" in plain.headers["vary"].split(", ")


async def test_nothing_may_run_or_load_that_is_not_ours() -> None:
    async with serving() as server:
        for path in ("/", "/static/main.js"):
            policy = (await server.http.get(path, headers=HTML)).headers["content-security-policy"]
            sources = dict(part.strip().split(" ", 1) for part in policy.split(";"))
            assert sources["default-src"] == "'none'"
            assert set(sources.values()) == {"'none'", "'self'"}


async def test_every_file_is_served_with_its_type_and_known_again() -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    async with serving() as server:
        for file in FILES:
            answer = await server.http.get(f"/static/{file.relative_to(WEB)}")
            assert (answer.status_code, answer.content) == (200, file.read_bytes())
            assert answer.headers["content-type"].startswith(types[file.suffix])
            assert answer.headers["x-content-type-options"] == "nosniff"
            again = {"if-none-match": answer.headers["etag"]}
            assert (await server.http.get(answer.url.path, headers=again)).status_code == 304


async def test_the_page_needs_no_key_and_what_is_not_there_is_404() -> None:
    async with serving(api_keys=("secret",)) as server:
        assert (await server.http.get("/", headers=HTML)).status_code == 200
        assert (await server.http.get("/static/style.css")).status_code == 200
        assert (await server.http.get("/static/nothing.js")).status_code == 404
        assert (await server.http.get("/static/../app.py")).status_code in (401, 404)


async def test_it_tells_how_many_conversations_there_is_room_for() -> None:
    async with serving(max_sessions=7) as server:
        health = (await server.http.get("/health")).json()
        assert (health["sessions"], health["places"]) == (0, 7)


def test_the_page_is_light_and_its_modules_are_small() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in FILES}
    assert sum(len(text.encode()) for text in texts.values()) <= MAX_BYTES
    assert [path.name for path, text in texts.items() if text.count("\n") > MAX_LINES] == []


def test_texts_never_become_markup_and_no_other_host_is_named() -> None:
    for path in WEB.rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text) == [], path
        assert re.findall(r"https?://", text) == [], path
    index = (WEB / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"\sstyle=|<style|\son\w+=|https?://", index) == []
