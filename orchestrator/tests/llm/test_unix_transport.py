from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest
from antiphon_orchestrator.llm.unix_transport import UnixTransport

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /hello "):
        writer.write(ANSWER)
    writer.close()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_requests_go_through_the_socket_and_share_a_connection(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = await asyncio.start_unix_server(answering, path)
    async with server, httpx.AsyncClient(transport=UnixTransport(str(path))) as client:
        assert [(await client.get("http://any/hello")).text for _ in range(2)] == ["hello", "hello"]
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get("http://any/bye")


async def test_a_socket_that_is_not_there_cannot_be_connected_to(tmp_path: Path) -> None:
    async with httpx.AsyncClient(transport=UnixTransport(str(tmp_path / "none"))) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("http://any/")


async def test_silence_is_a_time_out(tmp_path: Path) -> None:
    path = tmp_path / "s"
    server = await asyncio.start_unix_server(silent, path)
    async with server, httpx.AsyncClient(transport=UnixTransport(str(path)), timeout=0.05) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get("http://any/")
