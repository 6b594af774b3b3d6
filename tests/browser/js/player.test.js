/** The playback buffer, in virtual time: even output whatever the network does, and no delay that stays. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Player } from "../../../orchestrator/src/antiphon_orchestrator/web/audio/player.js";
import { chance, FRAME, listen, loudestStep, RATE_HZ, tone } from "./sounds.js";

const TONE_STEP = (8_000 / 32_768) * 2 * Math.sin((Math.PI * 220) / RATE_HZ);

/** Frames every 20 ms, the first `ahead` of them at once, each up to `jitter` seconds late. */
function paced(seconds, { ahead = 0, jitter = 0, clock = 1, stalls = [] } = {}) {
  const [sound, luck] = [tone(), chance()];
  const arrivals = [];
  let last = 0;
  for (let index = 0; index < seconds * 50; index++) {
    let at = Math.max(0, (index - ahead) * 0.02 * clock) + luck() * jitter;
    for (const [from, to] of stalls) if (at >= from && at < to) at = to;
    last = Math.max(last, at);
    arrivals.push([last, sound(FRAME)]);
  }
  return arrivals;
}

test("what arrives is heard as it was sent, sample for sample", () => {
  const player = new Player();
  const sent = paced(1, { ahead: 3 });
  const heard = listen(player, sent, 1.2);
  const start = heard.findIndex((sample) => sample !== 0);
  const original = sent.flatMap(([, samples]) => [...samples]);
  const from = original.findIndex((sample) => sample !== 0);
  for (let index = 200; index < original.length - 200; index++) {
    assert.ok(Math.abs(heard[start - from + index] - original[index] / 32768) < 1e-4, `sample ${index}`);
  }
  assert.equal(player.underruns, 0);
});

test("it begins within 15 ms of the first audio", () => {
  const heard = listen(new Player(), paced(1), 0.5);
  assert.ok(heard.findIndex((sample) => Math.abs(sample) > 0.001) < 0.015 * RATE_HZ + FRAME);
});

test("it neither begins nor ends nor stops with a click", () => {
  const player = new Player();
  const loud = Int16Array.from({ length: 10 * FRAME }, () => 16_000);
  const heard = listen(player, [[0, loud]], 0.1);
  player.flush();
  const output = new Float32Array(400);
  player.pull(output);
  assert.ok(loudestStep([...heard, ...output]) < 0.06);
  const dry = listen(new Player(), [[0, loud]], 0.4);
  assert.ok(loudestStep(dry) < 0.06);
});

test("a flush silences it within a quantum and says where it was", () => {
  const player = new Player();
  listen(player, paced(0.5, { ahead: 25 }), 0.2);
  const { item, position } = player.flush();
  assert.equal(item, "item");
  assert.ok(Math.abs(position - 0.2 * RATE_HZ) < 0.015 * RATE_HZ);
  const output = new Float32Array(256);
  player.pull(output);
  assert.ok(output.subarray(64).every((sample) => sample === 0));
  assert.equal(player.fillMs, 0);
});

test("positions go on after a flush where the sender is, not where the listener was", () => {
  const player = new Player();
  listen(player, paced(0.5, { ahead: 25 }), 0.2);
  player.flush();
  listen(player, paced(0.1, { ahead: 5 }), 0.3);
  assert.equal(player.place.position, 0.6 * RATE_HZ);
});

test("a network that trembles by 8 ms leaves no gap", () => {
  const player = new Player();
  listen(player, paced(20, { ahead: 3, jitter: 0.008 }), 19.5);
  assert.equal(player.underruns, 0);
});

test("where it runs out, more is kept from then on, and it runs out less and less", () => {
  const player = new Player();
  const counts = [];
  listen(player, paced(60, { jitter: 0.05 }), 59, { each: () => counts.push(player.underruns) });
  assert.ok(counts.at(-1) > 0);
  assert.ok(counts.at(-1) - counts[Math.floor(counts.length / 3)] <= 1, `${counts.at(-1)} underruns`);
  assert.ok(player.fillMs < 150);
});

test("what a stall brought all at once is caught up with in a second, and nothing clicks", () => {
  const player = new Player();
  const fills = [];
  const arrivals = paced(4, { ahead: 3, stalls: [[1, 1.3]] });
  const heard = listen(player, arrivals, 3.5, { each: (now) => fills.push([now, player.fillMs]) });
  const after = fills.filter(([now]) => now > 2.3).map(([, fill]) => fill);
  assert.ok(Math.max(...fills.map(([, fill]) => fill)) > 200);
  assert.ok(Math.max(...after) < 130, `${Math.max(...after)} ms are left`);
  assert.ok(player.skippedMs > 80);
  const voiced = heard.slice(1.35 * RATE_HZ, 3.4 * RATE_HZ);
  assert.ok(loudestStep(voiced) < 2.5 * TONE_STEP, `${loudestStep(voiced) / TONE_STEP} times the tone's own`);
});

for (const clock of [1 + 200e-6, 1 - 200e-6]) {
  test(`the fill keeps to its target for ten minutes with a clock that is ${clock} as fast`, () => {
    const player = new Player();
    const off = [];
    const note = (now) => now > 5 && off.push(player.fillMs - player.targetMs);
    listen(player, paced(605, { ahead: 3, jitter: 0.004, clock }), 600, { each: note, quantum: 120 });
    assert.equal(player.underruns, 0);
    assert.ok(Math.min(...minima(off)) > -10, `${Math.min(...minima(off))} ms below`);
    assert.ok(off.reduce((most, fill) => Math.max(most, fill), 0) < 30);
    assert.equal(player.skippedMs, 0);
  });
}

/** The least of every second. */
function minima(values) {
  const least = [];
  for (let from = 0; from < values.length; from += 50) {
    least.push(values.slice(from, from + 50).reduce((one, other) => Math.min(one, other)));
  }
  return least;
}
