/** The page's audio graph: a microphone on the one side, a loudspeaker on the other, one clock for both. */

import { Emitter } from "../emitter.js";
import { Trouble } from "../troubles.js";
import { AudioClock } from "./clock.js";

const WORKLETS = ["capture.worklet.js", "player.worklet.js"];
const AUDIBLE = 0.004;
/** After a second without a sound a stream is silent. */
const QUIET_FRAMES = 50;

/** Emits `listening` (a microphone's stream, once it is open), `frame` (what it heard), `heard` (what was played),
 * `began` (an item's first sound), `lost` (the microphone was taken away). */
export class Sound extends Emitter {
  constructor() {
    super();
    this._context = null;
    this._microphone = null;
    this._flushes = new Map();
    this._asked = 0;
    this._quiet = QUIET_FRAMES;
    this.stream = null;
  }

  /** Must be called while a click is being handled: before one, browsers keep a page silent. */
  async open() {
    // While a context is suspended its time stands still.
    this._clock = new AudioClock();
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
    this._microphone = this._tap(stream, (frame) => this.emit("frame", frame));
    this.emit("listening", stream);
  }

  /** Plays a stream, as WebRTC brings it. */
  attach(stream) {
    this._detach();
    if (!this._context) return;
    // Chromium lets a remote stream flow only where an element plays it, too.
    this._element = Object.assign(new Audio(), { srcObject: stream, muted: true });
    this._element.play();
    this._gain = new GainNode(this._context);
    this._voice = this._tap(stream, (frame) => this._onVoice(frame), this._gain);
    this._gain.connect(this._context.destination);
  }

  /** Over WebRTC: this item will be heard next. */
  expect(item) {
    this._item = item;
    this._hasBegun = false;
    this.louden();
  }

  /** Over WebRTC: what comes is to be heard again, after a flush. */
  louden() {
    this._gain?.gain.setTargetAtTime(1, this._context.currentTime, 0.002);
  }

  /** Whether the microphone's own track carries what is said. */
  carry(isOpen) {
    for (const track of this.stream?.getAudioTracks() ?? []) track.enabled = isOpen;
  }

  /** Closes the microphone. */
  deafen() {
    disconnect(this._microphone);
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
    this._gain?.gain.setTargetAtTime(0, this._context.currentTime, 0.002);
    const ask = ++this._asked;
    this._player.port.postMessage({ flush: ask });
    return new Promise((resolve) => this._flushes.set(ask, resolve));
  }

  async close() {
    this.deafen();
    this._detach();
    await this._context?.suspend();
  }

  _detach() {
    disconnect(this._voice);
    this._gain?.disconnect();
    if (this._element) this._element.srcObject = null;
    this._voice = this._gain = this._element = null;
  }

  /** Gives a stream's sound in frames, and passes it on to `next`. */
  _tap(stream, onFrame, next = null) {
    const source = this._context.createMediaStreamSource(stream);
    const options = { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" };
    const frames = new AudioWorkletNode(this._context, "antiphon-capture", options);
    frames.port.onmessage = ({ data }) => onFrame({ ...data, time: this._pageTime(data.time) });
    source.connect(frames);
    if (next) source.connect(next);
    return { source, frames };
  }

  _onVoice(frame) {
    const isAudible = frame.peak > AUDIBLE && this._gain.gain.value > 0.5;
    if (isAudible && !this._hasBegun && this._item) {
      this._hasBegun = true;
      this.emit("began", { item: this._item, time: frame.time });
    }
    this._quiet = isAudible ? 0 : this._quiet + 1;
    if (this._quiet > QUIET_FRAMES) return;
    this.emit("heard", { ...frame, item: null, fillMs: this._quiet === QUIET_FRAMES ? 0 : null, underruns: 0 });
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

function disconnect(tap) {
  tap?.source.disconnect();
  tap?.frames.port.close();
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
