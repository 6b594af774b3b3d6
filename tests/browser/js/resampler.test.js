/** Rates changed in a stream: true to the sound, whatever the size of the pieces. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Resampler } from "../../../orchestrator/src/antiphon_orchestrator/web/audio/resampler.js";

function sine(hz, rate, seconds) {
  return Float32Array.from({ length: rate * seconds }, (_, at) => Math.sin((2 * Math.PI * hz * at) / rate));
}

/** All of it, in pieces as the audio thread takes them. */
function resampled(input, from, to, piece = 128) {
  const resampler = new Resampler(from, to);
  const output = [];
  const made = new Float32Array(4 * piece);
  for (let at = 0; at < input.length; at += piece) {
    resampler.push(input.subarray(at, at + piece));
    output.push(...made.subarray(0, resampler.pull(made)));
  }
  return output;
}

/** How far below the sine the rest lies, in dB, its phase and level fitted. */
function purity(output, hz, rate) {
  const part = output.slice(500, -500);
  let [a, b, energy] = [0, 0, 0];
  part.forEach((sample, at) => {
    a += (2 / part.length) * sample * Math.sin((2 * Math.PI * hz * at) / rate);
    b += (2 / part.length) * sample * Math.cos((2 * Math.PI * hz * at) / rate);
  });
  part.forEach((sample, at) => {
    const fitted = a * Math.sin((2 * Math.PI * hz * at) / rate) + b * Math.cos((2 * Math.PI * hz * at) / rate);
    energy += (sample - fitted) ** 2;
  });
  return -10 * Math.log10(energy / part.length / ((a * a + b * b) / 2));
}

for (const [from, to] of [[48_000, 24_000], [44_100, 24_000], [24_000, 48_000], [24_000, 44_100], [16_000, 24_000]]) {
  test(`a tone from ${from} to ${to} Hz stays a tone`, () => {
    const output = resampled(sine(1_000, from, 0.5), from, to);
    assert.ok(Math.abs(output.length - 0.5 * to) < 100);
    assert.ok(purity(output, 1_000, to) > 60, `${purity(output, 1_000, to)} dB`);
  });
}

test("what the lower rate cannot carry is gone, not folded back", () => {
  const output = resampled(sine(15_000, 48_000, 0.5), 48_000, 24_000);
  assert.ok(Math.max(...output.slice(500).map(Math.abs)) < 0.003);
});

test("the size of the pieces makes no difference", () => {
  const input = sine(700, 48_000, 0.1);
  const [one, other] = [resampled(input, 48_000, 24_000, 128), resampled(input, 48_000, 24_000, 331)];
  for (let at = 0; at < Math.min(one.length, other.length); at++) assert.equal(one[at], other[at]);
});

test("it says exactly how much it needs", () => {
  const resampler = new Resampler(24_000, 44_100);
  const output = new Float32Array(128);
  for (let round = 0; round < 200; round++) {
    resampler.bend = 1 + 0.004 * Math.sin(round);
    resampler.push(new Float32Array(resampler.needs(128)));
    assert.equal(resampler.pull(output), 128);
    assert.ok(resampler.needs(1) <= 2);
  }
});
