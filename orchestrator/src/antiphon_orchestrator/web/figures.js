/** The figures of a conversation, as they come to be. */

const ELEMENTS = ["answer", "stop", "resumed", "underruns", "buffer", "trip"];
const SHOWN_EVERY_MS = 250;

/** Writes into the elements `figure-*`. */
export class Figures {
  constructor(find) {
    this._elements = Object.fromEntries(ELEMENTS.map((name) => [name, find(`figure-${name}`)]));
    this.answersMs = [];
    this.stopsMs = [];
    this.resumed = 0;
    this.underruns = 0;
    this.roundTripMs = null;
    this._shownAt = 0;
  }

  answered({ from, to }) {
    this.answersMs.push(to - from);
    this._show("answer", series(this.answersMs));
  }

  stopped({ from, to }) {
    this.stopsMs.push(to - from);
    this._show("stop", series(this.stopsMs));
  }

  wentOn() {
    this.resumed += 1;
    this._show("resumed", String(this.resumed));
  }

  sounded({ fillMs, underruns }) {
    this.underruns = underruns;
    const now = performance.now();
    if (now - this._shownAt < SHOWN_EVERY_MS) return;
    this._shownAt = now;
    this._show("underruns", String(underruns));
    this._show("buffer", fillMs === null ? "the browser's" : milliseconds(fillMs));
  }

  roundTrip(ms) {
    this.roundTripMs = ms;
    this._show("trip", milliseconds(ms));
  }

  /** For the file that a conversation is kept in. */
  summary() {
    const { answersMs, stopsMs, resumed, underruns, roundTripMs } = this;
    return { answersMs, stopsMs, resumed, underruns, roundTripMs };
  }

  _show(name, text) {
    this._elements[name].textContent = text;
  }
}

/** The last one, and the middle one of all. */
export function series(values) {
  const last = milliseconds(values.at(-1));
  return values.length < 3 ? last : `${last} (median ${milliseconds(median(values))})`;
}

export function median(values) {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[sorted.length >> 1];
}

function milliseconds(value) {
  return `${Math.round(value)} ms`;
}
