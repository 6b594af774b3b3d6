/** What can go wrong, in words that help. */

const WORDS = {
  "no-microphone": ["No microphone was found.", "Plug one in and press the button again, or type instead."],
  "microphone-refused": [
    "The browser may not use the microphone.",
    "Allow it by the icon beside the address, then press the button again. You can also type.",
  ],
  "microphone-busy": [
    "The microphone cannot be opened.",
    "Another program may be using it. Close that, or choose another microphone in the settings.",
  ],
  "microphone-lost": ["The microphone is gone.", "Plug it in again or choose another one; you can type meanwhile."],
  insecure: [
    "This browser gives no microphone to this address.",
    "Browsers allow it on https addresses and on localhost only. You can type, and read the answers.",
  ],
  key: ["This server wants a key.", "Enter the API key that you were given; it stays in this browser."],
  "wrong-key": ["The server does not know this key.", "Check it and enter it again."],
  full: ["All conversations that this server holds at once are taken.", "The page tries again by itself."],
  starting: ["The server is still starting.", "The page connects as soon as it is ready."],
  refused: ["The server did not take the call.", "The page tries again by itself; the conversation is kept."],
  gone: ["The server does not answer.", "The page goes on trying; the conversation is kept."],
  "no-webrtc": ["WebRTC does not get through to the server.", "The call goes on over a WebSocket."],
  ended: ["The conversation has ended.", "Press the button to go on with it."],
};

/** `kind` names the condition; `detail` is what the server or the browser said beyond it. */
export class Trouble extends Error {
  constructor(kind, detail = "") {
    const [title, advice] = WORDS[kind];
    super(title);
    this.kind = kind;
    this.title = title;
    this.advice = advice;
    this.detail = detail;
  }

  /** What the browser's error means. */
  static ofMicrophone(error) {
    const kinds = {
      NotAllowedError: "microphone-refused",
      SecurityError: "microphone-refused",
      NotFoundError: "no-microphone",
      OverconstrainedError: "no-microphone",
    };
    return new Trouble(kinds[error.name] ?? "microphone-busy", error.message);
  }
}

/** Finds out why a connection was refused: browsers do not tell a page. */
export async function whyRefused(api) {
  try {
    const listed = await api.fetch("v1/voices");
    if (listed.status === 401) return new Trouble(api.key ? "wrong-key" : "key");
    const health = await (await api.fetch("health")).json();
    if (health.missing.length) return new Trouble("starting", health.missing.join(", "));
    if (health.sessions >= health.places) return new Trouble("full", `${health.places} at once`);
    return new Trouble("refused");
  } catch {
    // No answer, or none that can be read: a server that is not there.
  }
  return new Trouble("gone");
}
