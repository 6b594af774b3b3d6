/** The way over one WebSocket: events and audio, both as messages. */

import { fromBase64, toBase64 } from "../audio/pcm.js";
import { Emitter } from "../emitter.js";

/** Emits `event`, `audio` (item, samples) and, once it had been open, `close` (code, reason). */
export class WebSocketTransport extends Emitter {
  /** Whether the microphone's frames are to be given to `sendAudio`; else the way takes the stream itself. */
  static takesFrames = true;

  constructor(api, resume) {
    super();
    this._api = api;
    this._resume = resume;
    this._socket = null;
  }

  /** Resolves when events can be sent; rejects if the server refuses, which a browser does not explain. */
  async connect() {
    const socket = (this._socket = this._api.socket(this._resume));
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onclose = reject;
    });
    socket.onmessage = ({ data }) => this._take(JSON.parse(data));
    socket.onclose = ({ code, reason }) => this.emit("close", code, reason);
  }

  /** Another microphone: its frames come by `sendAudio`, too. */
  hearFrom() {}

  send(event) {
    if (this._socket.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(event));
  }

  /** 16-bit samples at 24 kHz. */
  sendAudio(samples) {
    this.send({ type: "input_audio_buffer.append", audio: toBase64(samples) });
  }

  close() {
    this._socket.onmessage = this._socket.onclose = null;
    this._socket.close();
  }

  _take(event) {
    if (event.type === "response.output_audio.delta") {
      this.emit("audio", event.item_id, fromBase64(event.delta));
    } else {
      this.emit("event", event);
    }
  }
}
