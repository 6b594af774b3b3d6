"""A conversation goes on over another connection, with its history, if its server ends or its client vanishes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from antiphon_orchestrator.keeping.in_memory import InMemory
from antiphon_orchestrator.testing.llm import ScriptedLlm
from antiphon_orchestrator.testing.server import Caller, Scripted, Serving, eventually, serving
from websockets.exceptions import InvalidStatus

pytestmark = pytest.mark.integration

OWN = "?antiphon_events=true"


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    """What all servers of a test keep together."""
    keep = InMemory()

    async def stays() -> None: ...

    monkeypatch.setattr(keep, "aclose", stays)
    monkeypatch.setattr("antiphon_orchestrator.app.keep_for", lambda _: keep)
    return keep


async def token_of(call: Caller) -> str:
    told = await call.until("antiphon.session.resumable")
    assert told["expires_after_s"] == 60
    token: str = told["token"]
    return token


async def ask(call: Caller, text: str) -> None:
    await call.write(text)
    await call.send("response.create")
    await call.until("response.done")


def is_kept(keep: InMemory, items: int) -> bool:
    return any(text.count('"completed"') == items for text in (kept.text for kept in keep._kept.values()))


async def refusal(server: Serving, query: str, **options: Any) -> tuple[int, str]:
    with pytest.raises(InvalidStatus) as refused:
        async with server.call(query, **options):
            pass
    response = refused.value.response
    return response.status_code, json.loads(response.body)["error"]["code"]


@pytest.mark.usefixtures("shared")
async def test_a_conversation_goes_on_at_another_server_when_its_own_ends() -> None:
    async with serving(Scripted(mind=ScriptedLlm(["Hello Ann."])), resume_s=60) as first, first.call(OWN) as call:
        token = await token_of(call)
        await call.send("session.update", session={"type": "realtime", "instructions": "Be brief."})
        await ask(call, "I am Ann.")
        first.server.conversations.end(1_000)
        assert await call.ended() == 1012
    mind = ScriptedLlm(["You are Ann."])
    query = f"{OWN}&antiphon_resume={token}"
    async with serving(Scripted(mind=mind), resume_s=60) as second, second.call(query) as call:
        assert call.told[0]["session"]["instructions"] == "Be brief."
        assert await token_of(call) == token
        resumed = await call.until("antiphon.session.resumed")
        assert [item["role"] for item in resumed["items"]] == ["user", "assistant"]
        await call.send("conversation.item.retrieve", item_id=resumed["items"][0]["id"])
        await call.until("conversation.item.retrieved")
        await ask(call, "Who am I?")
    asked = [(message.role, message.text) for message in mind.asked[-1].messages]
    assert asked == [
        ("system", "Be brief."),
        ("user", "I am Ann."),
        ("assistant", "Hello Ann."),
        ("user", "Who am I?"),
    ]


@pytest.mark.usefixtures("shared")
async def test_of_an_answer_that_was_cut_off_what_was_heard_is_remembered() -> None:
    said = "one two three four five six seven eight nine ten eleven twelve."
    async with serving(Scripted(mind=ScriptedLlm([said])), resume_s=60) as first, first.call(OWN) as call:
        token = await token_of(call)
        await call.send("response.create")
        while (await call.until("antiphon.output.spoken"))["text_chars"] < 13:
            pass
        first.server.conversations.end()
        await call.ended()
    async with serving(resume_s=60) as second, second.call(f"{OWN}&antiphon_resume={token}") as call:
        (item,) = (await call.until("antiphon.session.resumed"))["items"]
        assert item["status"] == "incomplete"
        heard = item["content"][0]["transcript"]
        assert said.startswith(heard)
        assert 3 <= len(heard) < len(said)


async def test_whoever_comes_back_before_the_server_noticed_takes_the_conversation_over(shared: InMemory) -> None:
    async with serving(resume_s=60) as server, server.call(OWN) as lost:
        token = await token_of(lost)
        await ask(lost, "I am Ann.")
        await eventually(lambda: is_kept(shared, 2))
        async with server.call(f"{OWN}&antiphon_resume={token}") as call:
            assert len((await call.until("antiphon.session.resumed"))["items"]) == 2
            await lost.write("I am still here.")
            assert (await lost.until("antiphon.session.closed"))["reason"] == "resumed_elsewhere"
            assert await lost.ended() == 1000
            await ask(call, "And I am here.")
            await eventually(lambda: is_kept(shared, 4))
        async with server.call(f"{OWN}&antiphon_resume={token}") as call:
            items = (await call.until("antiphon.session.resumed"))["items"]
            assert [item["content"][0].get("text") for item in items if item["role"] == "user"] == [
                "I am Ann.",
                "And I am here.",
            ]


async def test_a_token_is_refused_that_is_unknown_or_of_another_key(shared: InMemory) -> None:
    ann = {"additional_headers": {"Authorization": "Bearer ann"}}
    bob = {"additional_headers": {"Authorization": "Bearer bob"}}
    async with serving(resume_s=60, api_keys="ann,bob") as server:
        async with server.call(OWN, **ann) as call:
            token = await token_of(call)
            await eventually(lambda: len(shared))
        resume = f"{OWN}&antiphon_resume="
        assert await refusal(server, resume + "invented", **ann) == (400, "invalid_resume_token")
        assert await refusal(server, resume + token, **bob) == (400, "invalid_resume_token")
        async with server.call(resume + token, **ann) as call:
            await call.until("antiphon.session.resumed")


async def test_a_page_with_a_client_secret_resumes_with_another_one_of_the_same_key(shared: InMemory) -> None:
    async with serving(resume_s=60, api_keys="ann,bob") as server:

        async def secret(key: str) -> dict[str, Any]:
            headers = {"Authorization": f"Bearer {key}"}
            answer = await server.http.post("/v1/realtime/client_secrets", json={}, headers=headers)
            return {"additional_headers": {"Authorization": f"Bearer {answer.json()['value']}"}}

        async with server.call(OWN, **await secret("ann")) as call:
            token = await token_of(call)
            await eventually(lambda: len(shared) > 1)
        resume = f"{OWN}&antiphon_resume={token}"
        assert await refusal(server, resume, **await secret("bob")) == (400, "invalid_resume_token")
        async with server.call(resume, **await secret("ann")) as call:
            await call.until("antiphon.session.resumed")


async def test_a_header_names_the_token_too(shared: InMemory) -> None:
    async with serving(resume_s=60) as server:
        async with server.call(OWN) as call:
            token = await token_of(call)
            await eventually(lambda: len(shared))
        async with server.call(OWN, additional_headers={"antiphon-resume": token}) as call:
            await call.until("antiphon.session.resumed")


async def test_nothing_is_kept_unless_it_is_switched_on_and_the_client_can_come_back(shared: InMemory) -> None:
    async with serving() as server:
        async with server.call(OWN) as call:
            await ask(call, "I am Ann.")
        assert await refusal(server, f"{OWN}&antiphon_resume=token") == (400, "resume_is_off")
    async with serving(resume_s=60) as server, server.call() as call:
        await ask(call, "I am Ann.")
        assert "antiphon.session.resumable" not in {event["type"] for event in call.told}
    assert len(shared) == 0


async def test_a_session_that_reached_its_limit_is_over_for_good(shared: InMemory) -> None:
    async with serving(resume_s=60, turns=1, mind="echo") as server, server.call(OWN) as call:
        await token_of(call)
        await eventually(lambda: len(shared))
        session = next(iter(server.server.conversations._sessions))
        session.end_reason = "duration"
        session.hang_up()
        await call.ended()
        await eventually(lambda: not len(shared))
