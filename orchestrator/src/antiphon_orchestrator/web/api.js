/** The server's addresses, and the key that opens them. */

/** `base`: where the page lies. */
export class Api {
  constructor(base = document.baseURI) {
    this._base = base;
    this.key = "";
  }

  /** Asks the server; the key goes with it. */
  fetch(path, options = {}) {
    const headers = new Headers(options.headers);
    if (this.key) headers.set("Authorization", `Bearer ${this.key}`);
    return fetch(new URL(path, this._base), { ...options, headers });
  }

  /** Where a session begins, with the events of our own; `resume` is the token of one that is to go on. */
  session(path, resume) {
    return `${path}?antiphon_events=true${resume ? `&antiphon_resume=${resume}` : ""}`;
  }

  /** A WebSocket of the Realtime protocol. */
  socket(resume) {
    const url = new URL(this.session("v1/realtime", resume), this._base);
    url.protocol = url.protocol.replace("http", "ws");
    // A WebSocket carries no headers of a page's; the protocol's own way is a subprotocol.
    const key = this.key ? [`openai-insecure-api-key.${this.key}`] : [];
    return new WebSocket(url, ["realtime", ...key]);
  }
}
