/** What the user chose, and what the server is told of it. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Settings } from "../../../orchestrator/src/antiphon_orchestrator/web/settings.js";

function storage(stored = null) {
  return { stored, getItem: () => stored, setItem(_, value) { this.stored = value; } };
}

test("choices are remembered, and what is no setting is not", () => {
  const place = storage('{"voice": "one/two", "nonsense": 1}');
  const settings = new Settings(place);
  settings.set("speed", 1.5);
  assert.deepEqual([settings.get("voice"), settings.get("nonsense")], ["one/two", undefined]);
  assert.equal(JSON.parse(place.stored).speed, 1.5);
});

test("a browser that keeps nothing, or nonsense, does no harm", () => {
  const broken = { getItem: () => { throw new Error("forbidden"); }, setItem: () => { throw new Error("full"); } };
  const settings = new Settings(broken);
  settings.set("speed", 2);
  assert.equal(settings.get("speed"), 2);
  assert.equal(new Settings(storage("{")).get("speed"), 1);
});

test("only a change is told", () => {
  const told = [];
  const settings = new Settings(storage());
  settings.on("changed", (name) => told.push(name));
  settings.set("speed", 1);
  settings.set("speed", 2);
  assert.deepEqual(told, ["speed"]);
});

test("the session says what was chosen, and leaves to the server what was not", () => {
  const settings = new Settings(storage());
  assert.deepEqual(settings.session(), {
    type: "realtime",
    instructions: null,
    output_modalities: ["audio"],
    audio: {
      input: { transcription: {}, turn_detection: { type: "semantic_vad", eagerness: "auto" } },
      output: { voice: null, speed: 1 },
    },
  });
  settings.set("detection", "push");
  assert.equal(settings.session().audio.input.turn_detection, null);
  settings.set("detection", "server_vad");
  settings.set("silenceMs", "700");
  assert.equal(settings.session().audio.input.turn_detection.silence_duration_ms, 700);
});
