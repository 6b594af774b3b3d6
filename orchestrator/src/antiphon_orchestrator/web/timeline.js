/** What happened when: the loudness of both sides, and turns, holds, interruptions and waits between them. */

const KEPT_MS = 600_000;
const QUIET = 0.02;
const PAUSE_MS = 250;
const FRAME_MS = 20;

/** Times are the page's, in ms. A span without an end still lasts. */
export class Timeline {
  constructor() {
    this.levels = { user: [], machine: [] };
    /** { kind, from, to, item }: kind is "turn", "held", "wait" or "answer". */
    this.spans = [];
    this.cuts = [];
  }

  /** 20 ms of a side. */
  level(side, time, peak) {
    const levels = this.levels[side];
    levels.push({ time, peak });
    if (levels[0].time < time - 2 * KEPT_MS) {
      this.levels[side] = levels.filter((level) => level.time > time - KEPT_MS);
      this.spans = this.spans.filter(({ from }) => from > time - KEPT_MS);
      this.cuts = this.cuts.filter((cut) => cut.at > time - KEPT_MS);
    }
  }

  /** An event of the server, which belongs to the time `at`. */
  take(event, at) {
    TAKES[event.type]?.call(this, event, at);
  }

  /** The first sound of an item. */
  began(item, at) {
    this.close("wait", at);
    this.open("answer", at, item);
  }

  /** What sounded is over. */
  silent(at) {
    this.close("answer", at);
  }

  /** The voice gave way to the user, who began at `from`. */
  stopped({ from, to }) {
    this.cuts.push({ at: to, from });
  }

  open(kind, from, item = null) {
    if (!this._openSpan(kind)) this.spans.push({ kind, from, to: null, item });
  }

  close(kind, at) {
    const span = this._openSpan(kind);
    if (span) span.to = Math.max(span.from, at);
  }

  /** Everything that lasts ends, as when the line breaks. */
  breakOff(at) {
    for (const span of this.spans) span.to ??= Math.max(span.from, at);
  }

  /** The pauses within a turn: stretches of at least a quarter of a second without a sound. */
  pauses({ from, to }, until) {
    const pauses = [];
    let quietFrom = null;
    let hasSpoken = false;
    for (const { time, peak } of between(this.levels.user, from, to ?? until)) {
      if (peak < QUIET) {
        quietFrom ??= time;
      } else {
        if (hasSpoken && quietFrom !== null && time - quietFrom >= PAUSE_MS) {
          pauses.push({ from: quietFrom, to: time });
        }
        hasSpoken = true;
        quietFrom = null;
      }
    }
    return pauses;
  }

  _openSpan(kind) {
    return this.spans.findLast((span) => span.kind === kind && span.to === null);
  }
}

const TAKES = {
  "input_audio_buffer.speech_started"({ item_id }, at) {
    this.close("wait", at);
    this.open("turn", at, item_id);
  },
  "input_audio_buffer.speech_stopped"(_, at) {
    this.close("turn", at);
    this.open("wait", at);
  },
  "antiphon.output.held"(_, at) {
    this.open("held", at);
  },
  "antiphon.output.resumed"(_, at) {
    this.close("held", at);
  },
  "antiphon.output.interrupted"(_, at) {
    this.close("held", at);
    this.close("answer", at);
  },
  "antiphon.turn.discarded"(_, at) {
    this.close("turn", at);
    this.close("wait", at);
  },
  "response.done"({ response }, at) {
    // An answer that never sounded is waited for no longer.
    if (response.status !== "completed") this.close("wait", at);
  },
};

/** The levels from one time to another; they lie in order. */
export function between(levels, from, to) {
  return levels.slice(firstAt(levels, from - FRAME_MS), firstAt(levels, to));
}

function firstAt(levels, time) {
  let low = 0;
  let high = levels.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (levels[middle].time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
