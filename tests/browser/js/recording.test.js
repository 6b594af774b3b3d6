/** The file of a conversation: stereo, in time, and true to what was heard. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fromBase64, toBase64 } from "../../../orchestrator/src/antiphon_orchestrator/web/audio/pcm.js";
import { AudioClock, InputClock } from "../../../orchestrator/src/antiphon_orchestrator/web/audio/clock.js";
import { Recording } from "../../../orchestrator/src/antiphon_orchestrator/web/recording.js";

test("both sides lie where they were heard, the user left and the machine right", () => {
  const recording = new Recording();
  recording.hear("user", Int16Array.of(1, 2, 3), 1_000);
  recording.hear("machine", Int16Array.of(7, 8), 1_500);
  const samples = new Int16Array(recording.wav(), 44);
  assert.equal(samples.length, 2 * 12_002);
  assert.deepEqual([...samples.subarray(0, 6)], [1, 0, 2, 0, 3, 0]);
  assert.deepEqual([...samples.subarray(-4)], [0, 7, 0, 8]);
});

test("pieces that follow one another leave no seam, though their times tremble", () => {
  const recording = new Recording();
  for (let index = 0; index < 50; index++) {
    recording.hear("user", new Int16Array(480).fill(9), index * 20 + (index % 3));
  }
  const left = new Int16Array(recording.wav(), 44).filter((_, at) => at % 2 === 0);
  assert.equal(left.length, 24_000);
  assert.ok(left.every((sample) => sample === 9));
});

test("samples survive base64, the extremes too", () => {
  const samples = Int16Array.of(0, 1, -1, 32_767, -32_768);
  assert.deepEqual(fromBase64(toBase64(samples)), samples);
});

test("the server's positions are found again in the page's time, across gaps", () => {
  const clock = new InputClock();
  assert.equal(clock.pageTime(100), null);
  for (let index = 0; index < 10; index++) clock.sent(5_000 + index * 20);
  for (let index = 0; index < 10; index++) clock.sent(9_000 + index * 20);
  assert.equal(clock.pageTime(90), 5_090);
  assert.equal(clock.pageTime(210), 9_010);
  assert.equal(clock.pageTime(500), 9_000 + 300);
});

test("of what the audio thread tells, the least late sets the clock", () => {
  const clock = new AudioClock();
  assert.equal(clock.pageTime(1, 1_050), 1_050);
  assert.equal(clock.pageTime(2, 2_030), 2_030);
  assert.ok(Math.abs(clock.pageTime(3, 3_200) - 3_030) < 0.01);
});
