/** Maps times of the audio thread and of the server to the page's own: milliseconds, as `performance.now()`. */

/** The audio thread's seconds. News from there is late by a varying bit: the least late tells the difference. */
export class AudioClock {
  constructor() {
    this._offset = Infinity;
  }

  /** When on the page's clock something was that happened at `seconds`, and was told of now. */
  pageTime(seconds, now) {
    this._offset = Math.min(this._offset + 0.001, now - seconds * 1000);
    return seconds * 1000 + this._offset;
  }
}

const KEPT = 3_000;
const FRAME_MS = 20;

/** The server's positions in the user's audio: ms since the first that was sent. */
export class InputClock {
  constructor() {
    this._times = [];
    this._first = 0;
  }

  /** One more frame was sent; it had been heard from `time` on. */
  sent(time) {
    this._times.push(time);
    if (this._times.length > 2 * KEPT) {
      this._times.splice(0, KEPT);
      this._first += KEPT;
    }
  }

  /** When the user's audio at `ms` was heard, as far as it is still known. */
  pageTime(ms) {
    if (!this._times.length) return null;
    const frame = Math.floor(ms / FRAME_MS) - this._first;
    const known = Math.max(0, Math.min(frame, this._times.length - 1));
    return this._times[known] + (ms - (known + this._first) * FRAME_MS);
  }
}
