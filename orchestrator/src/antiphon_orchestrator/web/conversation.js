/** Who said what: made of the server's events, and of what the loudspeaker has really played. */

import { Emitter } from "./emitter.js";

const SAMPLES_A_MS = 24;

/** An item is { id, role, text, state, heard, marks }.
 *
 * `state`: "partial" (being said), "done", "aside" (a "mm-hm" that was not meant for us), "lost" (not understood),
 * "cut" (interrupted), "failed". `heard`: how many characters of the machine's text were heard; `marks` say until
 * which millisecond of its audio which part of the text is spoken. Emits `changed` and `removed`, with the item.
 */
export class Conversation extends Emitter {
  constructor() {
    super();
    this.items = new Map();
  }

  /** Takes an event of the server. */
  take(event) {
    TAKES[event.type]?.call(this, event);
  }

  /** The loudspeaker has played an item for so many samples. */
  played(id, samples) {
    const item = this.items.get(id);
    if (!item || item.state === "cut") return;
    const spoken = spokenUntil(item.marks, samples / SAMPLES_A_MS);
    if (spoken > item.heard) this._change(item, { heard: spoken });
  }

  /** An interrupted item was heard until this millisecond of its audio, which we know better than the server. */
  cutAt(id, ms) {
    const item = this.items.get(id);
    if (item?.marks.length) this._change(item, { heard: Math.max(item.heard, spokenUntil(item.marks, ms)) });
  }

  /** The server has ended: what was being said is all that was said. */
  breakOff() {
    for (const item of this.items.values()) {
      if (item.state !== "partial") continue;
      if (item.role === "user") this._remove(item);
      else this._change(item, { state: "cut" });
    }
  }

  /** The items a new session is told, so that it knows what was said. They keep their ids: what it says of them is no news. */
  history() {
    const said = [...this.items.values()].filter(({ state }) => state === "done" || state === "cut");
    return said.map((item) => ({ ...item, text: item.state === "cut" ? heardText(item) : item.text }))
      .filter(({ text }) => text)
      .map(({ id, role, text }) => ({
        id,
        type: "message",
        role,
        content: [{ type: role === "user" ? "input_text" : "output_text", text }],
      }));
  }

  _item(id, role) {
    let item = this.items.get(id);
    if (!item) {
      item = { id, role, text: "", state: "partial", heard: 0, marks: [] };
      this.items.set(id, item);
    }
    return item;
  }

  _change(item, fields) {
    Object.assign(item, fields);
    this.emit("changed", item);
  }

  _remove(item) {
    this.items.delete(item.id);
    this.emit("removed", item);
  }

  /** What was said into an answer and did not interrupt it is an aside; without words it is nothing. */
  _setAside() {
    for (const item of this.items.values()) {
      if (item.role !== "user" || item.state !== "partial" || item.committed) continue;
      if (item.text) this._change(item, { state: "aside" });
      else this._remove(item);
    }
  }

  /** The user's words, written or spoken: those that were spoken are still to be recognised. */
  _add({ item: { id, role, type, content } }) {
    if (type !== "message" || role !== "user") return;
    const item = this._item(id, role);
    const written = content.filter((part) => part.type === "input_text").map((part) => part.text).join(" ");
    this._change(item, written ? { text: written, state: "done" } : { committed: true });
  }

  _say({ item_id, delta }, fields = {}) {
    const item = this._item(item_id, "assistant");
    this._change(item, { text: item.text + delta, ...fields });
  }

  _end({ response }) {
    for (const { id, type } of response.output) {
      const item = this.items.get(id);
      if (type !== "message" || !item || item.state === "cut") continue;
      const state = { completed: "done", incomplete: "done", failed: "failed" }[response.status] ?? "cut";
      if (!item.text) this._remove(item);
      else this._change(item, { state });
    }
  }
}

const TAKES = {
  "antiphon.input_transcript.partial"({ item_id, transcript }) {
    this._change(this._item(item_id, "user"), { text: transcript });
  },
  "antiphon.turn.discarded"({ item_id }) {
    const item = this.items.get(item_id);
    if (item) this._remove(item);
  },
  "antiphon.output.resumed"() {
    this._setAside();
  },
  "antiphon.output.spoken"({ item_id, audio_ms, text_chars }) {
    this.items.get(item_id)?.marks.push({ ms: audio_ms, chars: text_chars });
  },
  "antiphon.output.interrupted"({ item_id, transcript }) {
    const item = this.items.get(item_id);
    if (item) this._change(item, { state: "cut", heard: length(transcript) });
  },
  "conversation.item.added"(event) {
    this._add(event);
  },
  "conversation.item.input_audio_transcription.completed"({ item_id, transcript }) {
    const item = this._item(item_id, "user");
    if (transcript) this._change(item, { text: transcript, state: "done" });
    else this._remove(item);
  },
  "conversation.item.input_audio_transcription.failed"({ item_id }) {
    this._change(this._item(item_id, "user"), { state: "lost" });
  },
  "response.output_audio_transcript.delta"(event) {
    this._say(event);
  },
  "response.output_text.delta"(event) {
    this._say(event, { heard: Infinity });
  },
  "response.done"(event) {
    this._end(event);
  },
};

/** How far in the text one is after so many milliseconds of its audio. */
export function spokenUntil(marks, ms) {
  let chars = 0;
  for (const mark of marks) {
    if (mark.ms > ms) break;
    chars = mark.chars;
  }
  return chars;
}

/** An item's text in two: what was heard of it, and the rest. The server counts code points. */
export function parted({ text, heard }) {
  const points = Array.from(text);
  return [points.slice(0, heard).join(""), points.slice(heard).join("")];
}

function heardText(item) {
  return parted(item)[0];
}

function length(text) {
  return Array.from(text).length;
}
