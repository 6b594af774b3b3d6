/** The page put together: the only place that knows all parts. */

import { Api } from "./api.js";
import { Sound } from "./audio/sound.js";
import { Call } from "./call.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { Conversation } from "./conversation.js";
import { Figures } from "./figures.js";
import { Recording, save } from "./recording.js";
import { Settings } from "./settings.js";
import { SettingsPanel } from "./settings_panel.js";
import { Timeline } from "./timeline.js";
import { TimelineView } from "./timeline_view.js";
import { TroubleBanner } from "./trouble_banner.js";
import { Trouble } from "./troubles.js";
import { Voices } from "./voices.js";

/** What is no news afterwards, or nobody else's business. */
const NOT_KEPT = new Set(["antiphon.pong", "antiphon.session.resumable"]);

const find = (id) => document.getElementById(id);

const settings = new Settings();
const api = new Api();
api.key = settings.get("key");
const sound = new Sound();
const conversation = new Conversation();
const call = new Call({ api, settings, sound, conversation });
const timeline = new Timeline();
const recording = new Recording();
const figures = new Figures(find);
const voices = new Voices(api, settings, find("voices"), find("voice-chip"));
const panel = new SettingsPanel(settings, voices, find);
const picture = new TimelineView(find("timeline"), timeline, (id) => conversation.items.get(id)?.text ?? "");
const banner = new TroubleBanner(find, (key) => {
  api.key = key;
  settings.set("key", key);
  begin();
});
const controls = new Controls(find, settings, {
  begin: () => begin(),
  end: () => end(),
  press: (isPressed) => call.press(isPressed),
  mute: (isMuted) => call.mute(isMuted),
  hush: () => call.stop(),
  write: (text) => write(text),
});
new Captions(find("captions"), find("stage"), conversation);

/** Opens sound and line. Without a microphone the call is one for typing. */
async function begin() {
  if (call.isBegun) return;
  banner.hide();
  controls.show("connecting");
  picture.start();
  await openSound();
  voices.load();
  await call.begin();
}

async function openSound() {
  try {
    await sound.open();
    await sound.listen(settings.get("microphone"));
    controls.hasMicrophone = true;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    controls.hasMicrophone = false;
    banner.show(error);
  }
}

function end() {
  call.end();
  closeAll();
}

function closeAll() {
  sound.close();
  timeline.breakOff(performance.now());
  picture.stop();
}

/** Typing needs no microphone: nobody is asked for one. */
async function write(text) {
  if (!call.isBegun) {
    banner.hide();
    picture.start();
    await sound.open().catch(() => {});
    controls.hasMicrophone = false;
    call.begin();
  }
  await call.live();
  call.write(text);
}

function download() {
  const name = `conversation-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}`;
  const items = [...conversation.items.values()].map(({ id, role, text, state, heard }) => ({ id, role, text, state, heard }));
  const told = { items, figures: figures.summary(), spans: timeline.spans, cuts: timeline.cuts, events: recording.events };
  save(`${name}.json`, "application/json", JSON.stringify(told, null, 1));
  if (recording.hasSound) save(`${name}.wav`, "audio/wav", recording.wav());
}

picture.on("shown", () => controls.glow());
call
  .on("state", (state) => controls.show(state))
  .on("muted", (isMuted) => controls.showMuted(isMuted))
  .on("pressed", (isPressed) => controls.showPressed(isPressed))
  .on("event", (event, at) => {
    conversation.take(event);
    timeline.take(event, at);
    if (event.type === "antiphon.output.resumed") figures.wentOn();
    if (event.type === "error") banner.show({ kind: "error", title: "The server says:", advice: event.error.message, detail: "" });
    if (!NOT_KEPT.has(event.type)) recording.note(event, at);
  })
  .on("spoke", ({ pcm, peak, time }) => {
    timeline.level("user", time, peak);
    recording.hear("user", pcm, time);
    controls.level("user", peak);
  })
  .on("sounded", (heard) => {
    timeline.level("machine", heard.time, heard.peak);
    if (heard.fillMs === 0) timeline.silent(heard.time);
    recording.hear("machine", heard.pcm, heard.time);
    controls.level("machine", heard.peak);
    figures.sounded(heard);
  })
  .on("began", ({ item, time }) => timeline.began(item, time))
  .on("answered", (wait) => figures.answered(wait))
  .on("stopped", (stop) => {
    figures.stopped(stop);
    timeline.stopped(stop);
  })
  .on("round-trip", (ms) => figures.roundTrip(ms))
  .on("trouble", (trouble) => {
    timeline.breakOff(performance.now());
    banner.show(trouble);
  })
  .on("recovered", () => {
    banner.recovered();
    find("download").hidden = false;
  })
  .on("end", () => closeAll());

sound.on("lost", (trouble) => {
  controls.hasMicrophone = false;
  banner.show(trouble);
});
settings.on("changed", (name) => {
  if (name === "microphone" && sound.stream) openSound();
});
find("open-settings").addEventListener("click", () => panel.open());
find("voice-chip").addEventListener("click", () => panel.open());
find("download").addEventListener("click", download);
find("host").textContent = location.host;
controls.show("closed");
voices.load();
