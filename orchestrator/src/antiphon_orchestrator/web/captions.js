/** Shows the conversation as text: what was heard, what is still to come, what was struck out. */

import { parted } from "./conversation.js";

const NAMES = { user: "You", assistant: "Antiphon" };
const NEAR_END_PX = 120;

const NOTES = {
  aside: () => "heard, and talked on",
  lost: () => "this could not be understood",
  failed: () => "broken off: something failed",
  cut: (item) => (parted(item)[1].trim() ? "interrupted: the rest was not heard" : "interrupted at its end"),
};

/** `list` is an <ol>, `stage` what scrolls. */
export class Captions {
  constructor(list, stage, conversation) {
    this._list = list;
    this._stage = stage;
    this._rows = new Map();
    conversation
      .on("changed", (item) => this._show(item))
      .on("removed", (item) => this._remove(item));
  }

  _show(item) {
    if (!item.text && item.state !== "lost") return;
    const isAtEnd = this._isAtEnd();
    const row = this._rows.get(item.id) ?? this._addRow(item);
    // What strikes the rest out shall not strike the gap before it.
    const [heard, gap, rest] = partedAtGap(item);
    const isMachine = item.role === "assistant";
    row.element.dataset.state = item.state;
    set(row.heard, isMachine ? heard + gap : item.text);
    set(row.coming, isMachine ? rest : "");
    set(row.note, NOTES[item.state]?.(item) ?? "");
    if (isAtEnd) this._stage.scrollTop = this._stage.scrollHeight;
  }

  _addRow(item) {
    const element = make("li", "said");
    element.dataset.role = item.role;
    const words = make("p", "words");
    const row = { element, heard: make("span", "heard"), coming: make("span", "coming"), note: make("p", "note") };
    const who = make("span", "who");
    who.textContent = NAMES[item.role];
    words.append(row.heard, row.coming);
    element.append(who, words, row.note);
    this._list.append(element);
    this._rows.set(item.id, row);
    return row;
  }

  _remove({ id }) {
    this._rows.get(id)?.element.remove();
    this._rows.delete(id);
  }

  /** Whoever has scrolled back to read is left there. */
  _isAtEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this._stage;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }
}

function partedAtGap(item) {
  const [heard, rest] = parted(item);
  const unheard = rest.trimStart();
  return [heard, rest.slice(0, rest.length - unheard.length), unheard];
}

function make(tag, name) {
  const element = document.createElement(tag);
  element.className = name;
  return element;
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
