/** The voices that the server has: chosen from a list that tells their engine, language, licence and nearness. */

const ASKED_AGAIN_MS = 1_500;
const NEARNESS = { resident: "loaded", loading: "loading …", available: "loads when first used", remote: "is fetched when first used" };

/** `list` is where they are shown, `chip` names the chosen one. */
export class Voices {
  constructor(api, settings, list, chip) {
    this._api = api;
    this._settings = settings;
    this._list = list;
    this._chip = chip;
    this._asking = null;
    settings.on("changed", (name) => name === "voice" && this._choose());
  }

  /** Asks the server what there is. While a voice is being loaded, again and again. */
  async load() {
    clearTimeout(this._asking);
    try {
      const [voices, models] = await Promise.all(["v1/voices", "v1/models"].map((path) => this._listOf(path)));
      this._states = new Map(models.map((model) => [model.id, model]));
      this._show(voices);
      if (models.some(({ state }) => state === "loading")) this._askAgain();
    } catch {
      this._list.replaceChildren();
    }
  }

  async _listOf(path) {
    const answer = await this._api.fetch(path);
    if (!answer.ok) throw new Error(answer.statusText);
    return (await answer.json()).data;
  }

  _show(voices) {
    this._known = [{ id: "", engine: "", languages: [], description: "the server's own choice" }, ...voices];
    this._list.replaceChildren(...this._known.map((voice) => this._row(voice)));
    this._choose();
  }

  _row(voice) {
    const row = make("label", "voice");
    const button = make("input");
    Object.assign(button, { type: "radio", name: "voice", value: voice.id });
    button.addEventListener("change", () => this._settings.set("voice", voice.id));
    const name = make("span", "", voice.id ? nameOf(voice) : "Default");
    row.append(button, name, make("span", "of", facts(voice)));
    if (voice.id) row.append(this._nearness(voice));
    return row;
  }

  _nearness({ model }) {
    const { state, fetched_percent: fetched } = this._states.get(model) ?? { state: "available" };
    const shown = make("span", "nearness", fetched ? `fetched ${fetched} %` : NEARNESS[state]);
    shown.dataset.state = state;
    if (state === "loading") shown.prepend(bar(fetched));
    return shown;
  }

  _choose() {
    const chosen = this._known?.find(({ id }) => id === this._settings.get("voice"));
    for (const button of this._list.querySelectorAll("input")) button.checked = button.value === (chosen?.id ?? "");
    this._chip.textContent = chosen?.id ? nameOf(chosen) : "";
    this._chip.hidden = !chosen?.id;
    // A voice that is not loaded will be, as soon as it is to speak: its progress is worth watching.
    if (chosen?.id && !chosen.resident) this._askAgain();
  }

  _askAgain() {
    clearTimeout(this._asking);
    this._asking = setTimeout(() => this.load(), ASKED_AGAIN_MS);
  }
}

function nameOf({ id, description }) {
  return description || id;
}

function facts({ engine, languages, licence, description, id }) {
  if (!engine) return description;
  return [description ? id : "", engine, languages.join(", "), licence].filter(Boolean).join(" · ");
}

/** How much of a model is fetched; while it is read into memory nobody can tell. */
function bar(percent) {
  const shown = make("progress");
  shown.max = 100;
  if (percent) shown.value = percent;
  return shown;
}

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}
