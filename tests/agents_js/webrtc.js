// One conversation of @openai/agents over WebRTC, in a browser; the test calls these.
import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession } from "/agents/openai-realtime-agents.mjs";

const report = { events: [], errors: [], loudMs: 0, callId: "" };
const audioElement = document.createElement("audio");
const transport = new OpenAIRealtimeWebRTC({ baseUrl: `${location.origin}/v1/realtime/calls`, audioElement });
const agent = new RealtimeAgent({ name: "Guide", instructions: "Be brief." });
const session = new RealtimeSession(agent, { transport, model: "gpt-realtime" });
session.on("error", ({ error }) => report.errors.push(JSON.stringify(error)));
session.on("transport_event", (event) => report.events.push(event.type));

function listen() {
  const context = new AudioContext();
  const ear = context.createAnalyser();
  context.createMediaStreamSource(audioElement.srcObject).connect(ear);
  const samples = new Float32Array(ear.fftSize);
  setInterval(() => {
    ear.getFloatTimeDomainData(samples);
    if (samples.some((sample) => Math.abs(sample) > 0.05)) report.loudMs += 20;
  }, 20);
}

window.agents = {
  report: () => ({ ...report, callId: transport.callId }),
  connect: async (apiKey) => {
    await session.connect({ apiKey });
    listen();
  },
  write: (text) => session.sendMessage(text),
  interrupt: () => session.interrupt(),
  close: () => session.close(),
};
