/** The playback buffer: takes speech as the network brings it and gives it evenly, at 24 kHz.
 *
 * It begins with the first audio that arrives, and from then on keeps in stock what the sender turned out to be ahead.
 * A clock that runs differently is met by playing up to 0.4 % faster or slower. What a stalled network brings late and
 * all at once is caught up with by leaving out single periods of the voice: delay never accumulates. Whatever begins
 * or stops in the middle of a sound is faded: nothing clicks.
 */

import { leaveOutPeriod } from "./period.js";
import { Stock } from "./stock.js";

export const RATE_HZ = 24_000;
const MS = RATE_HZ / 1000;
const FADE = 2 * MS;
const DECAY = 0.9;

/** What shall be in stock when more arrives: at first, and at most. Each time it ran out it is a step more. */
const LEAST_MS = 10;
const MOST_MS = 120;
const STEP_MS = 10;
const CALM = 30_000 * MS;

const SETTLE = 400 * MS;
const WINDOW = 1_000 * MS;
const BEND_PER_MS = 0.0002;
const MAX_BEND = 0.004;
const SKIP_ABOVE_MS = 50;
const SKIP_EVERY = 40 * MS;

/** One loudspeaker's. */
export class Player {
  constructor() {
    this.underruns = 0;
    this.skippedMs = 0;
    this.playing = false;
    this._marginMs = LEAST_MS;
    this._stock = new Stock();
    this._dryItem = null;
    this._tail = null;
    this._lastSample = 0;
    this._calm = 0;
    this._startAfresh();
  }

  get fillMs() {
    return this._stock.length / MS;
  }

  /** What it wants to have in stock when more arrives. */
  get targetMs() {
    return this._targetMs ?? this._marginMs;
  }

  /** How much faster than at its own rate it wants to be played. */
  get bend() {
    if (!this.playing || this._lowMs === null) return 1;
    const excess = (this._lowMs - this._targetMs) * BEND_PER_MS;
    return 1 + Math.max(-MAX_BEND, Math.min(MAX_BEND, excess));
  }

  /** The item that was played last, and how many of its samples. */
  get place() {
    return this._stock.place;
  }

  /** Takes the next audio of an item, 16-bit samples. */
  push(item, samples) {
    if (!samples.length) return;
    if (this.playing) {
      this._windowLowMs = Math.min(this._windowLowMs, this.fillMs);
    } else if (!this._stock.length) {
      this._comeBack(item);
    }
    this._stock.push(item, samples);
  }

  /** Drops all that is in stock; what sounds fades out within 2 ms. Says where that was. */
  flush() {
    const place = this._stock.place;
    this._tail = this.playing ? this._stock.take(FADE).slice() : null;
    this._stock.clear();
    this._dryItem = null;
    this._startAfresh();
    return place;
  }

  /** Fills `output` with what is to be heard next. Returns whether there is any sound in it. */
  pull(output) {
    let made = this._fadeOut(output);
    const isFading = made > 0;
    if (!this.playing && !this._begins(output.length)) {
      output.fill(0, made);
      return isFading;
    }
    this._catchUp();
    this._age(output.length);
    const taken = this._stock.take(output.length - made);
    this._fadeIn(taken);
    output.set(taken, made);
    made += taken.length;
    if (made) this._lastSample = output[made - 1];
    if (made < output.length) this._runDry(output, made);
    return true;
  }

  _startAfresh() {
    this.playing = false;
    this._waited = 0;
    this._targetMs = null;
    this._lowMs = null;
    this._windowLowMs = Infinity;
    this._windowLeft = SETTLE;
    this._sinceSkip = 0;
  }

  /** More comes after silence: of the same item it comes too late, and from now on more is kept. */
  _comeBack(item) {
    if (this._dryItem !== item) {
      this._startAfresh();
    } else {
      this.underruns += 1;
      this._marginMs = Math.min(MOST_MS, this._marginMs + STEP_MS);
      this._targetMs = Math.max(this._targetMs ?? 0, this._marginMs);
      this._calm = 0;
    }
    this._dryItem = null;
    this._waited = 0;
  }

  /** Waits until the margin is there beside the audio that came, or for as long as it would take to come. */
  _begins(count) {
    if (!this._stock.length) return false;
    const isEnough = this.fillMs >= this._marginMs + 20 || this._waited >= this._marginMs * MS;
    this._waited += count;
    if (!isEnough) return false;
    this.playing = true;
    this._fadeLeft = FADE;
    return true;
  }

  _fadeIn(samples) {
    for (let index = 0; index < samples.length && this._fadeLeft > 0; index++) {
      samples[index] *= 1 - this._fadeLeft-- / FADE;
    }
  }

  _fadeOut(output) {
    const tail = this._tail;
    if (!tail) return 0;
    const count = Math.min(tail.length, output.length);
    for (let index = 0; index < count; index++) output[index] = tail[index] * (1 - (index + 1) / count);
    this._tail = null;
    return count;
  }

  /** The stock is empty: at the end of an item, or because more of it is late. */
  _runDry(output, made) {
    for (let index = made; index < output.length; index++) {
      this._lastSample *= DECAY;
      output[index] = this._lastSample;
    }
    this.playing = false;
    this._dryItem = this._stock.place.item;
  }

  /** Learns how little there is in stock when more arrives; the first time, how much there shall be. */
  _age(count) {
    this._sinceSkip += count;
    this._calm += count;
    if (this._calm > CALM) {
      this._marginMs = Math.max(LEAST_MS, this._marginMs - STEP_MS / 2);
      this._calm = 0;
    }
    this._windowLeft -= count;
    if (this._windowLeft > 0 || this._windowLowMs === Infinity) return;
    this._lowMs = this._windowLowMs;
    this._targetMs ??= Math.max(this._marginMs, Math.min(this._lowMs, MOST_MS));
    this._windowLowMs = Infinity;
    this._windowLeft = WINDOW;
  }

  /** Leaves a period out, if far more is in stock than shall be. */
  _catchUp() {
    if (this._targetMs === null || this.fillMs < this._targetMs + SKIP_ABOVE_MS) return;
    if (this._sinceSkip < SKIP_EVERY) return;
    this.skippedMs += leaveOutPeriod(this._stock) / MS;
    this._sinceSkip = 0;
  }
}
