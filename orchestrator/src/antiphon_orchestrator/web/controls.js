/** The buttons below, the keys that stand for them, and the word that says what the machine does. */

const STATES = {
  closed: "",
  connecting: "connecting …",
  idle: "go ahead",
  listening: "listening …",
  thinking: "thinking …",
  speaking: "speaking",
  held: "waiting for you …",
  interrupted: "interrupted",
};

const FAINT = 0.02;

/** `wishes` carries out what is wanted: begin, end, press, mute, hush, write. */
export class Controls {
  constructor(find, settings, wishes) {
    this._find = find;
    this._settings = settings;
    this._wishes = wishes;
    this._talk = find("talk");
    this._mute = find("mute");
    this._hush = find("hush");
    this.state = "closed";
    this._levels = { user: 0, machine: 0 };
    settings.on("changed", () => this._label());
    this._listen();
    this._label();
  }

  /** What the machine does, in one word. */
  show(state) {
    this.state = state;
    document.body.dataset.state = state;
    const isOpen = state !== "closed";
    if (isOpen && state !== "connecting") document.body.dataset.called = "yes";
    this._find("state").textContent = STATES[state];
    this._mute.disabled = !isOpen || !this._hasMicrophone;
    this._hush.disabled = !["speaking", "thinking", "held"].includes(state);
    if (!isOpen) {
      this._levels = { user: 0, machine: 0 };
      this.glow();
    }
    this._label();
  }

  set hasMicrophone(has) {
    this._hasMicrophone = has;
    this._mute.disabled = !has || this.state === "closed";
    this._label();
  }

  showMuted(isMuted) {
    this._mute.setAttribute("aria-pressed", String(isMuted));
  }

  showPressed(isPressed) {
    this._talk.setAttribute("aria-pressed", String(isPressed));
    this._label(isPressed);
  }

  /** How loud a side is. */
  level(side, peak) {
    this._levels[side] = Math.max(peak, this._levels[side] * 0.8);
  }

  /** The talk button glows with whoever speaks. */
  glow() {
    const peak = this.state === "speaking" ? this._levels.machine : this._levels.user;
    const level = peak < FAINT ? "0" : Math.min(1, peak ** 0.6).toFixed(1);
    if (level === this._glow) return;
    this._glow = level;
    this._talk.style.setProperty("--level", level);
  }

  get _isPush() {
    return this.state !== "closed" && this._settings.isPushToTalk && this._hasMicrophone;
  }

  _label(isPressed = false) {
    document.body.dataset.push = this._isPush ? "yes" : "no";
    const words = this._isPush ? (isPressed ? "Let go to send" : "Hold to talk") : this.state === "closed" ? "Start talking" : "End";
    this._find("talk-label").textContent = words;
    this._find("hang-up").hidden = !this._isPush;
  }

  _listen() {
    const { _talk: talk, _wishes: wishes } = this;
    talk.addEventListener("click", () => this._onTalk());
    talk.addEventListener("pointerdown", (event) => {
      if (!this._isPush) return;
      talk.setPointerCapture(event.pointerId);
      wishes.press(true);
    });
    for (const name of ["pointerup", "pointercancel"]) talk.addEventListener(name, () => wishes.press(false));
    this._find("hang-up").addEventListener("click", () => wishes.end());
    this._mute.addEventListener("click", () => wishes.mute(this._mute.getAttribute("aria-pressed") !== "true"));
    this._hush.addEventListener("click", () => wishes.hush());
    this._find("write").addEventListener("submit", (event) => {
      event.preventDefault();
      this._write();
    });
    document.addEventListener("keydown", (event) => this._onKey(event, true));
    document.addEventListener("keyup", (event) => this._onKey(event, false));
  }

  _onTalk() {
    if (this.state === "closed") this._wishes.begin();
    else if (!this._isPush) this._wishes.end();
  }

  _write() {
    const input = this._find("text");
    const text = input.value.trim();
    input.value = "";
    if (text) this._wishes.write(text);
  }

  /** Space talks, M mutes, Escape stops the answer: unless somebody is typing, or a button has the focus. */
  _onKey(event, isDown) {
    if (event.target.closest("input, textarea, select, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    const isOnButton = event.target.closest("button");
    if (event.code === "Space" && this._isPush && (!isOnButton || isOnButton === this._talk)) {
      event.preventDefault();
      if (!event.repeat) this._wishes.press(isDown);
    } else if (isDown && event.key === "m" && !this._mute.disabled) {
      this._mute.click();
    } else if (isDown && event.key === "Escape" && !this._hush.disabled) {
      this._wishes.hush();
    }
  }
}
