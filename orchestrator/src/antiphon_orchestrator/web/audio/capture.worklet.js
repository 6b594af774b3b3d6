/** The microphone's side of the audio thread: posts what it hears as 20 ms of 16-bit samples at 24 kHz. */

import { RATE_HZ } from "./player.js";
import { Resampler } from "./resampler.js";

const FRAME = RATE_HZ / 50;

class CaptureProcessor extends AudioWorkletProcessor {
  constructor() {
    super();
    this._resampler = new Resampler(sampleRate, RATE_HZ);
    this._made = new Float32Array(512);
    this._frame = new Int16Array(FRAME);
    this._filled = 0;
    this._peak = 0;
    this._began = 0;
  }

  process([channels]) {
    // A microphone that was taken away gives no channel at all.
    if (!channels.length) return true;
    this._resampler.push(channels[0]);
    const made = this._resampler.pull(this._made);
    for (let index = 0; index < made; index++) this._take(this._made[index]);
    return true;
  }

  _take(sample) {
    if (!this._filled) this._began = currentTime;
    this._peak = Math.max(this._peak, Math.abs(sample));
    this._frame[this._filled++] = Math.max(-1, Math.min(1, sample)) * 32767;
    if (this._filled < FRAME) return;
    const pcm = this._frame.slice();
    this.port.postMessage({ pcm, peak: this._peak, time: this._began }, [pcm.buffer]);
    this._filled = 0;
    this._peak = 0;
  }
}

registerProcessor("antiphon-capture", CaptureProcessor);
