/** What the page shows of a conversation, made of the server's events. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Conversation, parted, spokenUntil } from "../../../orchestrator/src/antiphon_orchestrator/web/conversation.js";

const USER = { item_id: "u1" };
const MACHINE = { item_id: "m1" };
const MESSAGE = { id: "m1", type: "message", role: "assistant", content: [] };

function told(...events) {
  const conversation = new Conversation();
  for (const event of events) conversation.take(event);
  return conversation;
}

const committed = { type: "conversation.item.added", item: { id: "u1", type: "message", role: "user", content: [{ type: "input_audio" }] } };
const partial = (transcript) => ({ type: "antiphon.input_transcript.partial", ...USER, transcript });
const final = (transcript) => ({ type: "conversation.item.input_audio_transcription.completed", ...USER, transcript });
const says = (delta) => ({ type: "response.output_audio_transcript.delta", ...MACHINE, delta });
const spoken = (audio_ms, text_chars) => ({ type: "antiphon.output.spoken", ...MACHINE, audio_ms, text_chars });
const done = (status) => ({ type: "response.done", response: { status, output: [MESSAGE] } });
const interrupted = { type: "antiphon.output.interrupted", ...MACHINE, transcript: "One two" };

test("the user's words are shown while they speak, and corrected", () => {
  const conversation = told(partial("what is the cap"), committed, final("What is the capital?"));
  const item = conversation.items.get("u1");
  assert.deepEqual([item.text, item.state], ["What is the capital?", "done"]);
});

test("a turn without words leaves nothing behind", () => {
  assert.equal(told(partial("uh"), committed, final("")).items.size, 0);
  assert.equal(told(partial("uh"), { type: "antiphon.turn.discarded", ...USER }).items.size, 0);
});

test("a hum into an answer is an aside, and one without words is nothing", () => {
  const resumed = { type: "antiphon.output.resumed" };
  assert.equal(told(says("One."), partial("mm-hm"), resumed).items.get("u1").state, "aside");
  assert.equal(told(says("One."), partial(""), resumed).items.has("u1"), false);
});

test("what was played is heard, word by word", () => {
  const conversation = told(says("One two three."), spoken(200, 3), spoken(400, 7), spoken(600, 14));
  conversation.played("m1", 450 * 24);
  assert.deepEqual(parted(conversation.items.get("m1")), ["One two", " three."]);
  conversation.played("m1", 100 * 24);
  assert.equal(conversation.items.get("m1").heard, 7);
});

test("after an interruption the rest stays unheard, whatever is played late", () => {
  const conversation = told(says("One two three."), spoken(200, 3), interrupted, done("cancelled"));
  conversation.played("m1", 24_000);
  const item = conversation.items.get("m1");
  assert.deepEqual([item.state, ...parted(item)], ["cut", "One two", " three."]);
});

test("an answer that is over is done, failed or cut", () => {
  for (const [status, state] of [["completed", "done"], ["failed", "failed"], ["cancelled", "cut"], ["incomplete", "done"]]) {
    assert.equal(told(says("One."), done(status)).items.get("m1").state, state);
  }
});

test("a written answer is read as it comes", () => {
  const item = told({ type: "response.output_text.delta", ...MACHINE, delta: "One." }).items.get("m1");
  assert.deepEqual(parted(item), ["One.", ""]);
});

test("a new session is told what was said, and of answers what was heard", () => {
  const conversation = told(partial("x"), committed, final("Tell me."), says("One two three."), interrupted, done("cancelled"));
  conversation.breakOff();
  assert.deepEqual(conversation.history().map(({ role, content }) => [role, content[0].type, content[0].text]), [
    ["user", "input_text", "Tell me."],
    ["assistant", "output_text", "One two"],
  ]);
});

test("when the line breaks, half a question is forgotten and half an answer is cut", () => {
  const conversation = told(says("One two."), partial("what"));
  conversation.breakOff();
  assert.deepEqual([...conversation.items.values()].map(({ role, state }) => [role, state]), [["assistant", "cut"]]);
});

test("texts are counted in characters as the server counts them", () => {
  assert.deepEqual(parted({ text: "😀 yes 😀", heard: 5 }), ["😀 yes", " 😀"]);
  assert.equal(spokenUntil([], 100), 0);
});
