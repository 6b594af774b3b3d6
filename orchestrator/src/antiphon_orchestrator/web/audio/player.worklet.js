/** The loudspeaker's side of the audio thread: plays what is posted to it and tells every 20 ms what was heard. */

import { Player, RATE_HZ } from "./player.js";
import { Resampler } from "./resampler.js";

const REPORT = RATE_HZ / 50;
const AUDIBLE = 0.004;

class PlayerProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._player = new Player();
    this._resampler = new Resampler(RATE_HZ, sampleRate);
    this._source = new Float32Array(1024);
    this._report = new Int16Array(REPORT);
    this._reported = 0;
    this._peak = 0;
    this._restless = 0;
    this._began = null;
    this.port.onmessage = ({ data }) => this._obey(data);
  }

  _obey(order) {
    if (order.flush) {
      this.port.postMessage({ flushed: this._player.flush(), time: currentTime, ask: order.flush });
    } else {
      this._player.push(order.item, order.samples);
    }
  }

  process(_, [[first, ...others]]) {
    this._resampler.bend = this._player.bend;
    const source = this._source.subarray(0, this._resampler.needs(first.length));
    const before = this._player.place.item;
    const sounds = this._player.pull(source);
    // After sound a little silence is reported too: its end is as much news as its beginning.
    this._restless = sounds ? 2 * REPORT : this._restless - source.length;
    this._note(source, before);
    this._resampler.push(source);
    this._resampler.pull(first);
    for (const channel of others) channel.set(first);
    return true;
  }

  _note(source, before) {
    const item = this._player.place.item;
    if (item !== before) this._began = null;
    for (const sample of source) {
      const level = Math.abs(sample);
      if (level > this._peak) this._peak = level;
      if (level > AUDIBLE && this._began === null && item !== null) {
        this._began = item;
        this.port.postMessage({ began: item, time: currentTime });
      }
      this._report[this._reported++] = sample * 32767;
      if (this._reported === REPORT) this._tell();
    }
  }

  _tell() {
    this._reported = 0;
    if (this._restless > 0) {
      const { place, fillMs, targetMs, underruns } = this._player;
      const pcm = this._report.slice();
      const told = { pcm, peak: this._peak, time: currentTime, ...place, fillMs, targetMs, underruns };
      this.port.postMessage(told, [pcm.buffer]);
    }
    this._peak = 0;
  }
}

registerProcessor("antiphon-player", PlayerProcessor);
