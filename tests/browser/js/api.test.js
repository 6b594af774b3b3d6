import assert from "node:assert/strict";
import test from "node:test";

import { Api } from "../../../orchestrator/src/antiphon_orchestrator/web/api.js";
import { Trouble, whyRefused } from "../../../orchestrator/src/antiphon_orchestrator/web/troubles.js";

test("a session that goes on names its token", () => {
  const api = new Api("https://house.example/voice/");
  assert.equal(api.session("v1/realtime", null), "v1/realtime?antiphon_events=true");
  assert.equal(api.session("v1/realtime", "t0k_-n"), "v1/realtime?antiphon_events=true&antiphon_resume=t0k_-n");
});

test("a server that is well and takes no call has refused it", async () => {
  const healthy = { missing: [], sessions: 1, places: 2 };
  const answers = { "v1/voices": { status: 200 }, health: { json: async () => healthy } };
  const trouble = await whyRefused({ key: "", fetch: async (path) => answers[path] });
  assert.ok(trouble instanceof Trouble);
  assert.equal(trouble.kind, "refused");
});
