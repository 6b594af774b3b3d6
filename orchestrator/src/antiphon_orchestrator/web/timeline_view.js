/** Draws the timeline on a canvas, the present at the right; dragged, it shows what was before. */

import { Emitter } from "./emitter.js";
import { between } from "./timeline.js";

const PIXELS_A_SECOND = 74;
const SHOWN_EVERY_MS = 40;
const NOW_GAP = 26;
const BAR = 2;
const LEAST_LABEL = 28;
const COLOURS = ["ink", "soft", "faint", "line", "user", "machine", "held", "cut", "answer"];
const FONT = "11px system-ui, sans-serif";
const SIDES = ["user", "machine"];

/** `textOf` gives an item's text. Emits `shown` with every picture, while it runs. */
export class TimelineView extends Emitter {
  constructor(canvas, timeline, textOf) {
    super();
    this._canvas = canvas;
    this._timeline = timeline;
    this._textOf = textOf;
    this._pen = canvas.getContext("2d");
    this._behindMs = 0;
    this._shownAt = 0;
    this._isRunning = false;
    this._learnColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this._learnColours());
    new ResizeObserver(() => this._fit()).observe(canvas);
    this._letDrag();
  }

  start() {
    if (this._isRunning) return;
    this._isRunning = true;
    this._endedAt = null;
    requestAnimationFrame((time) => this._frame(time));
  }

  /** The present stands still. */
  stop() {
    this._isRunning = false;
    this._endedAt = performance.now();
  }

  _frame(time) {
    if (!this._isRunning) return;
    if (time - this._shownAt >= SHOWN_EVERY_MS) {
      this._shownAt = time;
      this._draw();
      this.emit("shown");
    }
    requestAnimationFrame((next) => this._frame(next));
  }

  _draw() {
    const { _pen: pen, _timeline: timeline } = this;
    this._now = (this._endedAt ?? performance.now()) - this._behindMs;
    this._from = this._now - ((this._width - NOW_GAP) / PIXELS_A_SECOND) * 1000;
    pen.clearRect(0, 0, this._width, this._height);
    pen.font = FONT;
    this._drawSeconds();
    const seen = timeline.spans.filter(({ to }) => to === null || to > this._from - 5_000);
    for (const span of seen) if (span.kind === "held") this._drawHeld(span);
    SIDES.forEach((side, lane) => this._drawLane(side, lane));
    for (const span of seen) this._drawers[span.kind]?.call(this, span);
    for (const cut of timeline.cuts) if (cut.at > this._from) this._drawCut(cut);
  }

  _x(time) {
    return ((time - this._from) / 1000) * PIXELS_A_SECOND;
  }

  _middle(lane) {
    return Math.round(this._height * (lane ? 0.71 : 0.29));
  }

  get _reach() {
    return this._height * 0.14;
  }

  /** Between the lanes: where waits and stops are told. */
  get _between() {
    return (this._middle(0) + this._middle(1)) / 2 + 3;
  }

  _drawSeconds() {
    const { _pen: pen } = this;
    pen.textAlign = "center";
    for (let time = Math.ceil(this._from / 1000) * 1000; time < this._now + 400; time += 1000) {
      pen.fillStyle = this._colour.line;
      pen.fillRect(Math.round(this._x(time)), 0, 1, this._height);
    }
    pen.fillStyle = this._colour.faint;
    pen.fillRect(Math.round(this._x(this._now)), 0, 1, this._height);
  }

  _drawLane(side, lane) {
    const { _pen: pen } = this;
    const middle = this._middle(lane);
    pen.fillStyle = this._colour.line;
    pen.fillRect(0, middle, this._x(this._now), 1);
    pen.fillStyle = this._colour[side];
    // Whole pixels: a processor without a graphics card draws them several times as fast.
    for (const { time, peak } of between(this._timeline.levels[side], this._from, this._now)) {
      const reach = Math.round(peak ** 0.6 * this._reach);
      if (reach) pen.fillRect(Math.round(this._x(time)), middle - reach, BAR, 2 * reach);
    }
  }

  /** Text at the outer side of a lane, no longer than there is room. */
  _write(text, x, lane, room) {
    const { _pen: pen } = this;
    pen.fillStyle = this._colour.soft;
    pen.textAlign = "left";
    const shown = shortened(text, room, (part) => pen.measureText(part).width);
    pen.fillText(shown, x, this._middle(lane) + (lane ? this._reach + 14 : -this._reach - 6));
  }

  get _drawers() {
    return { turn: this._drawTurn, answer: this._drawAnswer, wait: this._drawWait };
  }

  _drawTurn(span) {
    const { _pen: pen } = this;
    const y = this._middle(0) + this._reach + 5;
    const to = span.to ?? this._now;
    pen.fillStyle = this._colour.user;
    pen.fillRect(this._x(span.from), y, this._x(to) - this._x(span.from), 2);
    pen.fillStyle = this._colour.soft;
    pen.textAlign = "center";
    for (const pause of this._timeline.pauses(span, this._now)) {
      const [begin, end] = [this._x(pause.from), this._x(pause.to)];
      pen.clearRect(begin, y, end - begin, 2);
      if (end - begin > LEAST_LABEL) pen.fillText(seconds(pause), (begin + end) / 2, y + 4);
    }
    this._writeItem(span, 0);
  }

  _drawAnswer(span) {
    this._writeItem(span, 1);
  }

  /** An item's words, as far as there is room until the next of the same side. */
  _writeItem(span, lane) {
    const next = this._timeline.spans.find(({ kind, from }) => kind === span.kind && from > span.from);
    const begin = Math.max(4, this._x(span.from));
    const room = (next ? this._x(next.from) : this._width) - begin - 10;
    this._write(this._textOf(span.item), begin, lane, room);
  }

  _drawHeld(span) {
    const { _pen: pen } = this;
    const from = this._x(span.from);
    const to = this._x(span.to ?? this._now);
    pen.globalAlpha = 0.22;
    pen.fillStyle = this._colour.held;
    pen.fillRect(from, this._middle(1) - this._reach, Math.max(2, to - from), 2 * this._reach);
    pen.globalAlpha = 1;
    pen.fillRect(from, this._middle(1) - this._reach, Math.max(2, to - from), 2);
  }

  _drawWait(span) {
    const { _pen: pen } = this;
    const [from, to] = [this._x(span.from), this._x(span.to ?? this._now)];
    const y = this._between + 2;
    pen.strokeStyle = pen.fillStyle = this._colour.answer;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(from, y - 4);
    pen.lineTo(from, y + 4);
    pen.moveTo(from, y);
    pen.lineTo(to, y);
    pen.moveTo(to, y - 4);
    pen.lineTo(to, y + 4);
    pen.stroke();
    if (span.to !== null) this._tell(`${Math.round(span.to - span.from)} ms`, to, from, y + 4);
  }

  _drawCut({ at, from }) {
    const { _pen: pen } = this;
    const x = this._x(at);
    pen.fillStyle = this._colour.cut;
    pen.fillRect(x, this._middle(0) - this._reach, 2, this._middle(1) + this._reach - this._middle(0) + this._reach);
    this._tell(`gave way in ${Math.round(at - from)} ms`, x, x, this._between + 6);
  }

  /** A figure to the right of what it belongs to, or to the left as long as there is no room. */
  _tell(text, right, left, y) {
    const { _pen: pen } = this;
    const fits = right + 6 + pen.measureText(text).width < this._width;
    pen.textAlign = fits ? "left" : "right";
    pen.fillText(text, fits ? right + 6 : left - 6, y);
  }

  _learnColours() {
    const style = getComputedStyle(document.documentElement);
    this._colour = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`)]));
    if (!this._isRunning && this._width) this._draw();
  }

  _fit() {
    const scale = devicePixelRatio;
    this._width = this._canvas.clientWidth;
    this._height = this._canvas.clientHeight;
    this._canvas.width = this._width * scale;
    this._canvas.height = this._height * scale;
    this._pen.setTransform(scale, 0, 0, scale, 0, 0);
    if (this._width) this._draw();
  }

  _letDrag() {
    let dragged = null;
    this._canvas.addEventListener("pointerdown", (event) => {
      dragged = { x: event.clientX, behindMs: this._behindMs };
      this._canvas.setPointerCapture(event.pointerId);
    });
    this._canvas.addEventListener("pointermove", (event) => {
      if (!dragged) return;
      const earliest = this._timeline.levels.user[0]?.time ?? performance.now();
      const most = Math.max(0, (this._endedAt ?? performance.now()) - earliest - 2_000);
      const wanted = dragged.behindMs + ((event.clientX - dragged.x) / PIXELS_A_SECOND) * 1000;
      this._behindMs = Math.max(0, Math.min(most, wanted));
      if (!this._isRunning) this._draw();
    });
    this._canvas.addEventListener("pointerup", () => (dragged = null));
  }
}

function seconds({ from, to }) {
  return `${((to - from) / 1000).toFixed(1)} s`;
}

/** As much of the text as there is room for. */
export function shortened(text, room, width) {
  if (width(text) <= room) return text;
  let [fits, long] = [0, text.length];
  while (long - fits > 1) {
    const middle = (fits + long) >> 1;
    if (width(`${text.slice(0, middle)}…`) <= room) fits = middle;
    else long = middle;
  }
  return fits ? `${text.slice(0, fits).trimEnd()}…` : "";
}
