/** Tells whoever wants to know. */

export class Emitter {
  constructor() {
    this._listeners = new Map();
  }

  /** Calls `listener` each time; returns itself, so that calls can be chained. */
  on(name, listener) {
    const known = this._listeners.get(name) ?? [];
    this._listeners.set(name, [...known, listener]);
    return this;
  }

  emit(name, ...news) {
    for (const listener of this._listeners.get(name) ?? []) listener(...news);
  }
}
