/** Sounds and links for the tests of the audio path. */

export const RATE_HZ = 24_000;
export const FRAME = RATE_HZ / 50;

/** 16-bit samples of a tone, which go on where the last ones ended. */
export function tone(hz = 220, level = 8_000) {
  let at = 0;
  return (count = FRAME) =>
    Int16Array.from({ length: count }, () => Math.round(level * Math.sin((2 * Math.PI * hz * at++) / RATE_HZ)));
}

/** Chance that is the same in every run: numbers from 0 to 1. */
export function chance(seed = 7) {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** Runs a player in virtual time: takes what `arrivals` ([second, samples], in order) bring, gives what is heard. */
export function listen(player, arrivals, seconds, { item = "item", quantum = 64, clock = 1, each = () => {} } = {}) {
  const heard = [];
  const output = new Float32Array(quantum);
  let next = 0;
  let played = 0;
  while (played < seconds * RATE_HZ) {
    const now = played / RATE_HZ;
    while (next < arrivals.length && arrivals[next][0] <= now) player.push(item, arrivals[next++][1]);
    player.pull(output);
    heard.push(...output);
    // What the resampler behind it would do: a bent stream takes less or more time.
    played += (quantum / player.bend) * clock;
    each(now);
  }
  return heard;
}

/** The loudest step from one sample to the next. */
export function loudestStep(samples) {
  let loudest = 0;
  for (let index = 1; index < samples.length; index++) {
    loudest = Math.max(loudest, Math.abs(samples[index] - samples[index - 1]));
  }
  return loudest;
}
