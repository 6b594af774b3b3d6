/** What the user has chosen, remembered in this browser. */

import { Emitter } from "./emitter.js";

const PLACE = "antiphon.settings";

export const DEFAULTS = Object.freeze({
  transport: "websocket",
  microphone: "",
  voice: "",
  speed: 1,
  answers: "audio",
  instructions: "",
  detection: "semantic_vad",
  eagerness: "auto",
  silenceMs: 500,
  threshold: 0.5,
  key: "",
});

/** Emits `changed` with the name of what was changed. */
export class Settings extends Emitter {
  constructor(storage = globalThis.localStorage) {
    super();
    this._storage = storage;
    this._chosen = { ...DEFAULTS, ...this._stored() };
  }

  get(name) {
    return this._chosen[name];
  }

  set(name, value) {
    if (this._chosen[name] === value) return;
    this._chosen[name] = value;
    try {
      this._storage.setItem(PLACE, JSON.stringify(this._chosen));
    } catch {
      // A browser that keeps nothing: the choice counts until the page is closed.
    }
    this.emit("changed", name);
  }

  get isPushToTalk() {
    return this.get("detection") === "push";
  }

  /** The `session` of a `session.update`. Null means the server's own. */
  session() {
    return {
      type: "realtime",
      instructions: this.get("instructions") || null,
      output_modalities: [this.get("answers")],
      audio: {
        input: { transcription: {}, turn_detection: this._turnDetection() },
        output: { voice: this.get("voice") || null, speed: Number(this.get("speed")) },
      },
    };
  }

  _turnDetection() {
    switch (this.get("detection")) {
      case "push":
        return null;
      case "server_vad":
        return {
          type: "server_vad",
          silence_duration_ms: Number(this.get("silenceMs")),
          threshold: Number(this.get("threshold")),
        };
      default:
        return { type: "semantic_vad", eagerness: this.get("eagerness") };
    }
  }

  _stored() {
    try {
      const stored = JSON.parse(this._storage.getItem(PLACE)) ?? {};
      return Object.fromEntries(Object.entries(stored).filter(([name]) => name in DEFAULTS));
    } catch {
      return {};
    }
  }
}
