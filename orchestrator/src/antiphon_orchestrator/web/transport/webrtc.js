/** The way over WebRTC: events in a data channel, audio as tracks; for networks that lose packets. */

import { Emitter } from "../emitter.js";
import { Trouble } from "../troubles.js";

const GATHER_MS = 1_000;
const CONNECT_MS = 8_000;
/** A browser says that nothing comes through long before it gives up; to call again takes less time than to wait. */
const SILENT_MS = 4_000;
const OFFER = { method: "POST", headers: { "Content-Type": "application/sdp" } };

/** Emits `event`, `stream` (the machine's voice) and, once it had been open, `close`. */
export class WebRtcTransport extends Emitter {
  static takesFrames = false;

  /** `microphone` is a stream, or null for a call that only types. */
  constructor(api, microphone, resume) {
    super();
    this._api = api;
    this._resume = resume;
    this._microphone = microphone;
    this._peer = new RTCPeerConnection();
    this._channel = this._peer.createDataChannel("oai-events");
  }

  async connect() {
    const { _peer: peer, _channel: channel } = this;
    const [track] = this._microphone?.getAudioTracks() ?? [];
    if (track) this._sender = peer.addTrack(track, this._microphone);
    else peer.addTransceiver("audio", { direction: "recvonly" });
    peer.ontrack = ({ streams, track: voice }) => this.emit("stream", streams[0] ?? new MediaStream([voice]));
    channel.onmessage = ({ data }) => this.emit("event", JSON.parse(data));
    try {
      await this._negotiate();
      await within(CONNECT_MS, (done) => (channel.onopen = done));
    } catch (error) {
      this.close();
      throw error;
    }
    channel.onclose = () => this._end();
    peer.onconnectionstatechange = () => this._watch(peer.connectionState);
  }

  /** Another microphone, in mid-call. */
  hearFrom(stream) {
    this._sender?.replaceTrack(stream.getAudioTracks()[0]);
  }

  send(event) {
    if (this._channel.readyState === "open") this._channel.send(JSON.stringify(event));
  }

  close() {
    clearTimeout(this._silence);
    this._channel.onclose = this._peer.onconnectionstatechange = null;
    this._peer.close();
  }

  /** The offer carries its candidates: nothing is told later. */
  async _negotiate() {
    const { _peer: peer } = this;
    await peer.setLocalDescription();
    await within(GATHER_MS, (done) => {
      peer.onicegatheringstatechange = () => peer.iceGatheringState === "complete" && done();
    }).catch(() => {});
    const offer = { ...OFFER, body: peer.localDescription.sdp };
    const answer = await this._api.fetch(this._api.session("v1/realtime/calls", this._resume), offer);
    // A server that is full, starting or locked is so for a WebSocket, too: the line finds out.
    const refusals = this._resume ? [400, 401, 429, 503] : [401, 429, 503];
    if (refusals.includes(answer.status)) throw new Error(answer.statusText);
    if (!answer.ok) throw new Trouble("no-webrtc", answer.statusText);
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
  }

  _watch(state) {
    clearTimeout(this._silence);
    if (state === "failed") this._end();
    if (state === "disconnected") this._silence = setTimeout(() => this._end(), SILENT_MS);
  }

  _end() {
    this.close();
    this.emit("close", 1006, "");
  }
}

async function within(ms, start) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Trouble("no-webrtc")), ms)));
  await Promise.race([new Promise(start), late]);
  clearTimeout(timer);
}
