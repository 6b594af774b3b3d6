/** Tells what is wrong, and asks for the key where one is needed. */

const WANTS_KEY = new Set(["key", "wrong-key"]);
/** What is over as soon as the server is there again. */
const OF_THE_LINE = new Set(["gone", "refused", "full", "starting", "no-webrtc", "ended", ...WANTS_KEY]);

/** `onKey` is given the key that the user enters. */
export class TroubleBanner {
  constructor(find, onKey) {
    this._banner = find("trouble");
    this._title = find("trouble-title");
    this._advice = find("trouble-advice");
    this._detail = find("trouble-detail");
    this._form = find("key-form");
    this._key = find("key");
    find("trouble-close").addEventListener("click", () => this.hide());
    this._form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.hide();
      onKey(this._key.value.trim());
    });
  }

  show({ kind, title, advice, detail }) {
    this._banner.dataset.kind = kind;
    this._title.textContent = title;
    this._advice.textContent = advice;
    this._detail.textContent = detail;
    this._form.hidden = !WANTS_KEY.has(kind);
    this._banner.hidden = false;
    if (!this._form.hidden) this._key.focus();
  }

  /** The server is there. */
  recovered() {
    if (OF_THE_LINE.has(this._banner.dataset.kind)) this.hide();
  }

  hide() {
    this._banner.hidden = true;
  }
}
