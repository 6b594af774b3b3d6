/** What happened when, as the timeline draws it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { between, Timeline } from "../../../orchestrator/src/antiphon_orchestrator/web/timeline.js";
import { shortened } from "../../../orchestrator/src/antiphon_orchestrator/web/timeline_view.js";

const started = { type: "input_audio_buffer.speech_started", item_id: "u1" };
const stopped = { type: "input_audio_buffer.speech_stopped", item_id: "u1" };

test("a turn, the wait after it, and the answer follow one another", () => {
  const timeline = new Timeline();
  timeline.take(started, 1_000);
  timeline.take(stopped, 2_000);
  timeline.began("m1", 2_300);
  timeline.silent(4_000);
  assert.deepEqual(timeline.spans.map(({ kind, from, to }) => [kind, from, to]), [
    ["turn", 1_000, 2_000], ["wait", 2_000, 2_300], ["answer", 2_300, 4_000],
  ]);
});

test("a hold ends where the answer goes on, or is cut", () => {
  const timeline = new Timeline();
  timeline.take({ type: "antiphon.output.held" }, 100);
  timeline.take({ type: "antiphon.output.resumed" }, 500);
  timeline.take({ type: "antiphon.output.held" }, 900);
  timeline.take({ type: "antiphon.output.interrupted" }, 1_200);
  assert.deepEqual(timeline.spans.map(({ from, to }) => [from, to]), [[100, 500], [900, 1_200]]);
});

test("nobody waits for an answer that never came, or after the line broke", () => {
  const timeline = new Timeline();
  timeline.take(stopped, 100);
  timeline.take({ type: "response.done", response: { status: "failed" } }, 400);
  timeline.take(started, 500);
  timeline.breakOff(700);
  assert.ok(timeline.spans.every(({ to }) => to !== null));
});

test("pauses are the silences within a turn that last", () => {
  const timeline = new Timeline();
  const loud = (from, to) => (time) => time >= from && time < to;
  const speech = [loud(200, 600), loud(1_000, 1_500), loud(1_600, 2_000)];
  for (let time = 0; time < 2_200; time += 20) {
    timeline.level("user", time, speech.some((part) => part(time)) ? 0.5 : 0.001);
  }
  timeline.take(started, 200);
  timeline.take(stopped, 2_100);
  assert.deepEqual(timeline.pauses(timeline.spans[0], 2_200), [{ from: 600, to: 1_000 }]);
});

test("what is older than is kept is forgotten", () => {
  const timeline = new Timeline();
  for (let time = 0; time < 1_500_000; time += 1_000) timeline.level("user", time, 0.1);
  assert.ok(timeline.levels.user.length <= 1_201);
  assert.equal(between(timeline.levels.user, 1_400_000, 1_402_000).length, 2);
});

test("texts are cut to the room there is", () => {
  const width = (text) => text.length;
  assert.equal(shortened("What is it?", 20, width), "What is it?");
  assert.equal(shortened("What is the capital?", 9, width), "What is…");
  assert.equal(shortened("What", 0, width), "");
});
