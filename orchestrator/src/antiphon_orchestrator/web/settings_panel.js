/** The drawer of settings: shows what is chosen, and chooses. */

import { microphones } from "./audio/sound.js";

const PLAIN = ["speed", "answers", "instructions", "detection", "eagerness", "silenceMs", "threshold", "microphone", "transport"];
const SHOWN = {
  speed: (value) => `${Number(value).toFixed(2)} ×`,
  silenceMs: (value) => `${value} ms`,
  threshold: (value) => Number(value).toFixed(2),
};

/** `find` gives an element by its id. */
export class SettingsPanel {
  constructor(settings, voices, find) {
    this._settings = settings;
    this._voices = voices;
    this._find = find;
    this._dialog = find("settings");
    for (const name of PLAIN) this._bind(name, find(name));
    this._showDetection();
    settings.on("changed", (name) => name === "detection" && this._showDetection());
    navigator.mediaDevices?.addEventListener("devicechange", () => this._listMicrophones());
    this._dialog.addEventListener("click", (event) => event.target === this._dialog && this._dialog.close());
  }

  async open() {
    this._dialog.showModal();
    await Promise.all([this._voices.load(), this._listMicrophones()]);
  }

  _bind(name, element) {
    element.value = this._settings.get(name);
    this._showValue(name, element.value);
    element.addEventListener("input", () => this._showValue(name, element.value));
    element.addEventListener("change", () => this._settings.set(name, element.value));
  }

  _showValue(name, value) {
    if (SHOWN[name]) this._find(`${name}-now`).textContent = SHOWN[name](value);
  }

  /** Only what belongs to the chosen way of taking turns. */
  _showDetection() {
    for (const element of this._dialog.querySelectorAll("[data-for]")) {
      element.hidden = element.dataset.for !== this._settings.get("detection");
    }
  }

  /** Browsers tell the names of microphones only to pages that may use one. */
  async _listMicrophones() {
    const list = this._find("microphone");
    const devices = await microphones();
    const options = devices.map(({ label, deviceId }, index) => new Option(label || `Microphone ${index + 1}`, deviceId));
    list.replaceChildren(new Option("the browser's choice", ""), ...options);
    list.value = this._settings.get("microphone");
    if (list.selectedIndex < 0) list.value = "";
  }
}
