/** Speech that waits to be played: samples in a row, and to which item each of them belongs. */

const FIRST_ROOM = 24_000;

/** Positions count an item's samples from its first, as they were received. */
export class Stock {
  constructor() {
    this._samples = new Float32Array(FIRST_ROOM);
    this._from = 0;
    this._to = 0;
    this._labels = [];
    this._received = new Map();
    /** The item that was taken from last, and how far. */
    this.place = { item: null, position: 0 };
  }

  get length() {
    return this._to - this._from;
  }

  /** Appends 16-bit samples of an item. */
  push(item, samples) {
    if (this._to + samples.length > this._samples.length) this._makeRoom(samples.length);
    for (let index = 0; index < samples.length; index++) {
      this._samples[this._to + index] = samples[index] / 32768;
    }
    this._to += samples.length;
    const position = this._received.get(item) ?? 0;
    this._labels.push({ item, position, left: samples.length });
    this._remember(item, position + samples.length);
  }

  /** The next samples; what is written into them is what will be taken. */
  peek(count) {
    return this._samples.subarray(this._from, this._from + Math.min(count, this.length));
  }

  /** Takes up to `count` samples out: a view, valid until the next push. */
  take(count) {
    const taken = this.peek(count);
    this._from += taken.length;
    let left = taken.length;
    while (left > 0) {
      const label = this._labels[0];
      const part = Math.min(left, label.left);
      label.position += part;
      label.left -= part;
      left -= part;
      this.place = { item: label.item, position: label.position };
      if (!label.left) this._labels.shift();
    }
    return taken;
  }

  /** Forgets all that waits. */
  clear() {
    this._from = this._to = 0;
    this._labels = [];
  }

  /** Only the last items can still grow. */
  _remember(item, received) {
    this._received.delete(item);
    this._received.set(item, received);
    if (this._received.size > 8) this._received.delete(this._received.keys().next().value);
  }

  _makeRoom(count) {
    const needed = this.length + count;
    const room = needed * 2 > this._samples.length ? new Float32Array(needed * 2) : this._samples;
    room.set(this._samples.subarray(this._from, this._to));
    this._samples = room;
    this._to -= this._from;
    this._from = 0;
  }
}
