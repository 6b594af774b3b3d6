/** The page's audio graph: a microphone on the one side, a loudspeaker on the other, one clock for both. */

import { Emitter } from "../emitter.js";
import { Trouble } from "../troubles.js";
import { AudioClock } from "./clock.js";

const WORKLETS = ["capture.worklet.js", "player.worklet.js"];

/** Emits `frame` (what the microphone heard), `heard` (what was played), `began` (an item's first sound). */
export class Sound extends Emitter {
  constructor() {
    super();
    this._context = null;
    this._clock = new AudioClock();
    this._microphone = null;
    this._flushes = new Map();
    this._asked = 0;
    this.stream = null;
  }

  /** Must be called while a click is being handled: before one, browsers keep a page silent. */
  async open() {
    if (this._context) {
      await this._context.resume();
      return;
    }
    if (!globalThis.AudioWorkletNode) throw new Trouble("insecure");
    const context = (this._context = new AudioContext({ latencyHint: "interactive" }));
    await Promise.all(WORKLETS.map((name) => context.audioWorklet.addModule(new URL(name, import.meta.url))));
    this._player = new AudioWorkletNode(context, "antiphon-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this._player.port.onmessage = ({ data }) => this._onPlayer(data);
    this._player.connect(context.destination);
    await context.resume();
  }

  /** Opens a microphone, or another one. */
  async listen(deviceId) {
    const stream = await microphone(deviceId);
    this.deafen();
    this.stream = stream;
    const [track] = stream.getAudioTracks();
    track.onended = () => this.emit("lost", new Trouble("microphone-lost"));
    const source = this._context.createMediaStreamSource(stream);
    const capture = new AudioWorkletNode(this._context, "antiphon-capture", {
      numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    capture.port.onmessage = ({ data }) => this.emit("frame", { ...data, time: this._pageTime(data.time) });
    source.connect(capture);
    this._microphone = { source, capture };
  }

  /** Closes the microphone. */
  deafen() {
    this._microphone?.source.disconnect();
    this._microphone?.capture.port.close();
    this._microphone = null;
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
  }

  /** Plays 16-bit samples of an item behind what is still to be played. */
  play(item, samples) {
    this._player?.port.postMessage({ item, samples }, [samples.buffer]);
  }

  /** Falls silent at once. Resolves with the place that was reached: item and samples, and when. */
  async flush() {
    if (!this._player) return { item: null, position: 0, time: performance.now() };
    const ask = ++this._asked;
    this._player.port.postMessage({ flush: ask });
    return new Promise((resolve) => this._flushes.set(ask, resolve));
  }

  async close() {
    this.deafen();
    await this._context?.suspend();
  }

  _onPlayer(told) {
    const time = this._pageTime(told.time);
    if (told.flushed) {
      this._flushes.get(told.ask)({ ...told.flushed, time });
      this._flushes.delete(told.ask);
    } else if (told.began) {
      this.emit("began", { item: told.began, time });
    } else {
      this.emit("heard", { ...told, time });
    }
  }

  _pageTime(seconds) {
    return this._clock.pageTime(seconds, performance.now());
  }
}

/** The microphones there are, as far as the browser tells: without permission it names none. */
export async function microphones() {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
  return devices.filter(({ kind, deviceId }) => kind === "audioinput" && deviceId);
}

async function microphone(deviceId) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Trouble("insecure");
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 };
  if (deviceId) audio.deviceId = { exact: deviceId };
  try {
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    if (deviceId && error.name === "OverconstrainedError") return microphone("");
    throw Trouble.ofMicrophone(error);
  }
}
