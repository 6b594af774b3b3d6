/** The line to the server: opened, kept, and opened again when it breaks. */

import { Emitter } from "./emitter.js";
import { Trouble, whyRefused } from "./troubles.js";

const FIRST_WAIT_MS = 400;
const LONGEST_WAIT_MS = 5_000;
/** What does not get better by trying again. */
const FINAL = new Set(["key", "wrong-key", "insecure"]);

/** Emits `open` (the transport), `trouble`, and `end` (why) when it is over for good. */
export class Line extends Emitter {
  constructor(api, makeTransport) {
    super();
    this._api = api;
    this._makeTransport = makeTransport;
    this._isWanted = false;
    this._waitMs = FIRST_WAIT_MS;
    this.transport = null;
  }

  /** Connects, and goes on trying until it is hung up. */
  async open() {
    this._isWanted = true;
    while (this._isWanted && !this.transport) {
      const transport = this._makeTransport();
      try {
        await transport.connect();
        if (this._isWanted) this._take(transport);
        else transport.close();
      } catch (error) {
        await this._bear(error);
      }
    }
  }

  send(event) {
    this.transport?.send(event);
  }

  hangUp() {
    this._isWanted = false;
    this.transport?.close();
    this.transport = null;
  }

  /** The server is there: whoever waits needs wait no longer. */
  _take(transport) {
    this.transport = transport;
    this._waitMs = FIRST_WAIT_MS;
    transport.on("close", (code, reason) => this._onClose(code, reason));
    this.emit("open", transport);
  }

  async _bear(error) {
    const trouble = error instanceof Trouble ? error : await whyRefused(this._api);
    if (!this._isWanted) return;
    this.emit("trouble", trouble);
    if (FINAL.has(trouble.kind)) {
      this._isWanted = false;
      this.emit("end", trouble);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, this._waitMs));
    this._waitMs = Math.min(LONGEST_WAIT_MS, this._waitMs * 1.6);
  }

  _onClose(code, reason) {
    this.transport = null;
    if (code === 1000) {
      this._isWanted = false;
      this.emit("end", new Trouble("ended", reason));
      return;
    }
    this.emit("trouble", new Trouble("gone", reason));
    this.open();
  }
}
