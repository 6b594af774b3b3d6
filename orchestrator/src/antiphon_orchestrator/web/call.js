/** One conversation with the server: its line, its sound, and what is told of both to the page. */

import { InputClock } from "./audio/clock.js";
import { Emitter } from "./emitter.js";
import { Line } from "./line.js";
import { WebRtcTransport } from "./transport/webrtc.js";
import { WebSocketTransport } from "./transport/websocket.js";

const SAMPLES_A_MS = 24;
const LEAST_COMMIT_MS = 120;
const PING_EVERY_MS = 4_000;
const REPORT_EVERY_MS = 400;

/** Emits `state`, `event` (each of the server's), `spoke` and `sounded` (20 ms of either side, with their peaks),
 * `began` (an item's first sound), `stopped` (the voice gave way: from when to when), `answered` (from the end of speech to the first sound),
 * `round-trip`, `trouble`, `recovered`, and `end`. */
export class Call extends Emitter {
  constructor({ api, settings, sound, conversation }) {
    super();
    this._settings = settings;
    this._sound = sound;
    this._conversation = conversation;
    this._api = api;
    this._line = new Line(api, () => this._newTransport())
      .on("open", () => this._onOpen())
      .on("trouble", (trouble) => this._onTrouble(trouble))
      .on("end", (trouble) => this._onEnd(trouble));
    this.isBegun = false;
    this.isLive = false;
    this.isMuted = false;
    this.isPressed = false;
    this.isAnswering = false;
    this._waiting = [];
    this._token = this._resuming = null;
    this._reset();
    sound
      .on("listening", (stream) => this._line.transport?.hearFrom(stream))
      .on("frame", (frame) => this._onFrame(frame))
      .on("heard", (heard) => this._onHeard(heard))
      .on("began", ({ item, time }) => this._onBegan(item, time));
    settings.on("changed", () => this._configure());
  }

  /** Opens the line; the sound is open already. */
  async begin() {
    this.isBegun = true;
    this.emit("state", "connecting");
    this._pinging = setInterval(() => this._ping(), PING_EVERY_MS);
    await this._line.open();
  }

  /** Resolves when the server listens. */
  async live() {
    if (!this.isLive) await new Promise((resolve) => this._waiting.push(resolve));
  }

  end() {
    clearInterval(this._pinging);
    this._line.hangUp();
    this._sound.flush();
    this._conversation.breakOff();
    this.isBegun = this.isLive = this.isAnswering = false;
    this.emit("state", "closed");
  }

  /** The user types something: they have the floor. */
  write(text) {
    this.stop();
    this._spokeUntil = null;
    this._send("conversation.item.create", {
      item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
    });
    this._send("response.create");
  }

  /** Ends the answer under way. */
  stop() {
    if (!this.isAnswering) return;
    this._silenced = this._item;
    this._fallSilent(performance.now());
    this._send("response.cancel");
  }

  /** Push-to-talk: the button is pressed, or let go. */
  press(isPressed) {
    if (this.isPressed === isPressed) return;
    this.isPressed = isPressed;
    if (isPressed) {
      this.stop();
      this._pressedMs = 0;
      if (!this._hasFrames) this._send("input_audio_buffer.clear");
    } else if (this._pressedMs < LEAST_COMMIT_MS) {
      this._send("input_audio_buffer.clear");
    } else {
      this._spokeUntil = performance.now();
      this._send("input_audio_buffer.commit");
      this._send("response.create");
    }
    this.emit("pressed", isPressed);
  }

  mute(isMuted) {
    this.isMuted = isMuted;
    this.emit("muted", isMuted);
  }

  _reset() {
    this._input = new InputClock();
    this._spokeUntil = null;
    this._item = null;
    this._silenced = null;
    this._isSounding = false;
    this._reached = { item: null, position: 0 };
    this._onset = null;
    this._reportedAt = 0;
  }

  _send(type, fields = {}) {
    this._line.send({ type, ...fields });
  }

  _configure() {
    if (this.isLive) this._send("session.update", { session: this._settings.session() });
  }

  _ping() {
    this._pinged = performance.now();
    this._send("antiphon.ping");
  }

  // ------------------------------------------------------------------------- line

  _newTransport() {
    const isWebRtc = this._settings.get("transport") === "webrtc" && !this._fellBack;
    this._resuming = this._token;
    const transport = isWebRtc
      ? new WebRtcTransport(this._api, this._sound.stream, this._resuming)
      : new WebSocketTransport(this._api, this._resuming);
    return transport
      .on("event", (event) => this._onEvent(event))
      .on("audio", (item, samples) => this._onAudio(item, samples))
      .on("stream", (stream) => this._sound.attach(stream));
  }

  /** Whether sound goes through our hands in frames; else tracks carry it, and the server sees to its end. */
  get _hasFrames() {
    return this._line.transport?.constructor.takesFrames ?? true;
  }

  _onOpen() {
    this._reset();
    this._send("session.update", { session: this._settings.session() });
    // A server that goes on with the conversation knows what was said.
    if (!this._resuming) {
      for (const item of this._conversation.history()) this._send("conversation.item.create", { item });
    }
    this.isLive = true;
    this._ping();
    this.emit("recovered");
    this.emit("state", "idle");
    for (const resolve of this._waiting.splice(0)) resolve();
  }

  _onTrouble(trouble) {
    if (trouble.kind === "no-webrtc") this._fellBack = true;
    // It may have expired: a new session is told what was said.
    if (trouble.kind === "refused") this._token = null;
    if (this.isLive) {
      this.isLive = false;
      this._sound.flush();
      this._conversation.breakOff();
    }
    this.emit("state", "connecting");
    this.emit("trouble", trouble);
  }

  _onEnd(trouble) {
    this.end();
    this.emit("trouble", trouble);
    this.emit("end");
  }

  _onEvent(event) {
    REACTIONS[event.type]?.call(this, event);
    this.emit("event", event, this._timeOf(event));
  }

  /** The page's time of an event: where it belongs in the user's audio, if it says so, else now. */
  _timeOf({ type, audio_start_ms, audio_end_ms }) {
    const ms = type === "input_audio_buffer.speech_stopped" ? audio_end_ms : audio_start_ms;
    return (ms === undefined ? null : this._input.pageTime(ms)) ?? performance.now();
  }

  // ------------------------------------------------------------------------ sound

  _onFrame({ pcm, peak, time }) {
    const isOpen = !this.isMuted && (this.isPressed || !this._settings.isPushToTalk);
    if (!this._hasFrames) {
      this._sound.carry(isOpen);
    } else if (!isOpen) {
      // Between two pushes nothing is sent; muted, silence is: a microphone is never closed.
      if (this._settings.isPushToTalk) return;
      pcm.fill(0);
    }
    this._pressedMs += 20;
    if (this._hasFrames) this._line.transport?.sendAudio(pcm);
    if (this.isLive) this._input.sent(time);
    this.emit("spoke", { pcm, peak: isOpen ? peak : 0, time });
  }

  _onAudio(item, samples) {
    if (item === this._silenced) return;
    this._sound.play(item, samples);
  }

  _onHeard(heard) {
    this._isSounding = heard.fillMs !== 0;
    if (heard.item) this._reportPlayed(heard);
    this.emit("sounded", heard);
  }

  /** The server reckons with what was heard: it shall know how far behind we are. */
  _reportPlayed({ item, position, fillMs, time }) {
    this._conversation.played(item, position);
    if (fillMs === 0 || time - this._reportedAt < REPORT_EVERY_MS) return;
    this._reportedAt = time;
    this._send("antiphon.output.played", { item_id: item, audio_ms: Math.floor(position / SAMPLES_A_MS) });
  }

  _onBegan(item, time) {
    if (this._spokeUntil !== null) this.emit("answered", { from: this._spokeUntil, to: time });
    this._spokeUntil = null;
    this.emit("began", { item, time });
  }

  /** Silence now. What was reached of the answer is kept, to be told once it is surely over. */
  async _fallSilent(onset) {
    const wasSounding = this._isSounding;
    this._isSounding = false;
    this._flushing = this._sound.flush();
    const { item, position, time } = await this._flushing;
    if (item !== null) this._reached = { item, position };
    // What follows a hold finds it silent already, though over WebRTC nobody can tell.
    if (wasSounding) this._stopped ??= { from: onset, to: time };
  }

  /** Tells the server how much of an answer was heard, which we know better; over WebRTC it knows as well. */
  async _truncate({ item_id, audio_end_ms }) {
    await this._flushing;
    if (!this._hasFrames) return;
    const { item, position } = this._reached;
    const reached = item === item_id ? Math.floor(position / SAMPLES_A_MS) : 0;
    this._conversation.cutAt(item_id, reached);
    if (reached === audio_end_ms) return;
    this._send("conversation.item.truncate", { item_id, content_index: 0, audio_end_ms: reached });
  }
}

const REACTIONS = {
  "antiphon.session.resumable"({ token }) {
    this._token = token;
  },
  "antiphon.pong"() {
    this.emit("round-trip", performance.now() - this._pinged);
  },
  "antiphon.state"({ state }) {
    this.emit("state", state);
  },
  "antiphon.output.held"({ audio_start_ms, silent }) {
    this._onset = this._input.pageTime(audio_start_ms);
    if (silent) this._fallSilent(this._onset);
  },
  "antiphon.output.resumed"() {
    this._onset = this._stopped = null;
    this._sound.louden();
  },
  "antiphon.output.spoken"({ item_id, audio_ms }) {
    // Over WebRTC nobody tells what is played; it is hardly later than what is sent.
    if (!this._hasFrames) this._conversation.played(item_id, audio_ms * SAMPLES_A_MS);
  },
  "output_audio_buffer.started"() {
    this._sound.expect(this._item);
  },
  "antiphon.output.interrupted"(event) {
    if (this._isSounding) this._fallSilent(this._onset ?? performance.now());
    this._truncate(event).then(() => {
      if (this._stopped) this.emit("stopped", this._stopped);
      this._stopped = null;
    });
  },
  "input_audio_buffer.speech_started"({ audio_start_ms }) {
    if (this._isSounding) this._fallSilent(this._input.pageTime(audio_start_ms));
  },
  "input_audio_buffer.speech_stopped"({ audio_end_ms }) {
    this._spokeUntil = this._input.pageTime(audio_end_ms);
  },
  "response.created"() {
    this.isAnswering = true;
    this._stopped = null;
  },
  "response.output_item.added"({ item }) {
    if (item.type === "message") this._item = item.id;
  },
  "response.done"() {
    this.isAnswering = false;
  },
};
