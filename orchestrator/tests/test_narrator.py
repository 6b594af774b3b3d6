"""A response is told in the order the protocol prescribes, in events that OpenAI's own types accept."""

from __future__ import annotations

from typing import Any

import pytest
from antiphon_orchestrator.ports import ToolCall
from antiphon_orchestrator.session.conversation import Conversation, UserMessage
from antiphon_orchestrator.session.narrator import Ending, Narrator
from antiphon_orchestrator.session.outlet import ResponseSheet
from antiphon_orchestrator.testing.protocol import check_server_event


class Client:
    """Hears everything, and checks each event against the types of a client nobody here wrote."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, type_: str, /, **fields: Any) -> None:
        check_server_event({"type": type_, "event_id": "event_1", **fields})
        self.heard.append((type_, fields))

    @property
    def types(self) -> list[str]:
        return [type_ for type_, _ in self.heard]


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def conversation() -> Conversation:
    conversation = Conversation("conv_1")
    conversation.add(UserMessage("item_1", "Hello?"))
    return conversation


def spoken(client: Client, conversation: Conversation | None) -> Narrator:
    return Narrator(ResponseSheet("resp_1", spoken=True, conversation_id="conv_1"), client, conversation)


def test_a_spoken_answer_is_told_in_order(client: Client, conversation: Conversation) -> None:
    narrator = spoken(client, conversation)
    narrator.release()
    narrator.begin()
    narrator.open_message("item_2")
    narrator.text("Hi ")
    narrator.text("there.")
    narrator.end(Ending())
    assert client.types == [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_audio_transcript.delta",
        "response.output_audio_transcript.delta",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert client.heard[2][1]["previous_item_id"] == "item_1"
    assert [item.id for item in conversation] == ["item_1", "item_2"]


def test_what_is_prepared_on_trial_stays_untold_until_it_counts(client: Client, conversation: Conversation) -> None:
    narrator = spoken(client, conversation)
    narrator.begin()
    narrator.open_message("item_3")
    narrator.text("Hi.")
    assert (client.heard, len(conversation)) == ([], 1)
    conversation.add(UserMessage("item_2", "And now?"))
    narrator.release()
    assert client.types[0] == "response.created"
    assert dict(client.heard)["conversation.item.added"]["previous_item_id"] == "item_2"


def test_a_function_call_is_an_item_of_its_own(client: Client, conversation: Conversation) -> None:
    narrator = spoken(client, conversation)
    narrator.release()
    narrator.begin()
    narrator.call("item_2", ToolCall("call_1", "weather", '{"city":"Bern"}'))
    narrator.end(Ending())
    done = dict(client.heard)["response.function_call_arguments.done"]
    assert (done["call_id"], done["arguments"]) == ("call_1", '{"city":"Bern"}')
    assert client.heard[-1][1]["response"]["output"][0]["type"] == "function_call"


def test_an_answer_cut_short_is_incomplete_and_says_why(client: Client, conversation: Conversation) -> None:
    narrator = spoken(client, conversation)
    narrator.release()
    narrator.begin()
    narrator.open_message("item_2")
    narrator.end(Ending("cancelled", "turn_detected"))
    response = client.heard[-1][1]["response"]
    assert response["status_details"]["reason"] == "turn_detected"
    assert response["output"][0]["status"] == "incomplete"


def test_an_ending_is_told_once(client: Client) -> None:
    narrator = spoken(client, None)
    narrator.release()
    narrator.begin()
    narrator.end(Ending("cancelled", "client_cancelled"))
    narrator.end(Ending())
    assert client.types == ["response.created", "response.done"]


def test_an_answer_out_of_band_touches_no_conversation(client: Client, conversation: Conversation) -> None:
    narrator = Narrator(ResponseSheet("resp_1", spoken=False, metadata={"topic": "x"}), client, None)
    narrator.release()
    narrator.begin()
    narrator.open_message("item_9")
    narrator.text("Aside.")
    narrator.end(Ending())
    assert "item_9" not in conversation
    assert "conversation.item.added" not in client.types
    assert "response.output_text.done" in client.types
