// One conversation of @openai/agents over a WebSocket; what came of it is printed as JSON.
import { RealtimeAgent, RealtimeSession } from "@openai/agents/realtime";

const [url, apiKey] = process.argv.slice(2);
const report = { audioBytes: 0, events: [], errors: [], transcript: "" };

const agent = new RealtimeAgent({ name: "Guide", instructions: "Be brief." });
const session = new RealtimeSession(agent, { transport: "websocket", model: "gpt-realtime" });
session.on("audio", ({ data }) => { report.audioBytes += data.byteLength; });
session.on("error", ({ error }) => report.errors.push(JSON.stringify(error)));
const over = new Promise((resolve) => {
  session.on("transport_event", (event) => {
    report.events.push(event.type);
    if (event.type === "response.output_audio_transcript.done") report.transcript = event.transcript;
    if (event.type === "response.done") resolve();
  });
});

await session.connect({ apiKey, url });
session.sendMessage("Hello.");
await over;
session.close();
console.log(JSON.stringify(report));
