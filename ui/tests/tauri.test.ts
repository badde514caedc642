import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { hostError, tauriHost } from "../src/host/tauri";

const invoke = vi.fn();

beforeEach(() => {
  vi.stubGlobal("__TAURI_INTERNALS__", { invoke, transformCallback: () => 7 });
  invoke.mockReset().mockResolvedValue(null);
});

afterEach(() => vi.unstubAllGlobals());

const rows: { ask: () => Promise<unknown>; command: string; args: object }[] = [
  { ask: () => tauriHost.view(), command: "view", args: {} },
  { ask: () => tauriHost.chooseSession("maya-1"), command: "choose_session", args: { session: "maya-1" } },
  { ask: () => tauriHost.chooseSession(null), command: "choose_session", args: { session: null } },
  { ask: () => tauriHost.connectSession("maya-1"), command: "connect_session", args: { session: "maya-1" } },
  { ask: () => tauriHost.remoteWarning("farm"), command: "remote_warning", args: { host: "farm" } },
  { ask: () => tauriHost.addSession("farm", 7001), command: "add_session", args: { host: "farm", port: 7001 } },
  { ask: () => tauriHost.removeSession("maya-1"), command: "remove_session", args: { session: "maya-1" } },
  { ask: () => tauriHost.copyLine("maya-1"), command: "copy_line", args: { session: "maya-1" } },
  { ask: () => tauriHost.setConnect("auto"), command: "set_connect", args: { connect: "auto" } },
  {
    ask: () => tauriHost.setAccess("zed", null, "ask"),
    command: "set_access",
    args: { client: "zed", session: null, access: "ask" },
  },
  {
    ask: () => tauriHost.answerQuestion(7, "once"),
    command: "answer_question",
    args: { question: 7, answer: "once" },
  },
  { ask: () => tauriHost.events(), command: "events", args: {} },
  {
    ask: () => tauriHost.afterCrash("maya-1", "open_scene"),
    command: "after_crash",
    args: { session: "maya-1", step: "open_scene" },
  },
  { ask: () => tauriHost.setNotices(false), command: "set_notices", args: { on: false } },
  {
    ask: () => tauriHost.setNoticesAbout("ready", true),
    command: "set_notices_about",
    args: { subject: "ready", on: true },
  },
  {
    ask: () => tauriHost.setQuietHours({ from: "22:00", to: "07:00" }),
    command: "set_quiet_hours",
    args: { hours: { from: "22:00", to: "07:00" } },
  },
  { ask: () => tauriHost.setQuietHours(null), command: "set_quiet_hours", args: { hours: null } },
  { ask: () => tauriHost.setQuietUntilTomorrow(), command: "set_quiet_until_tomorrow", args: {} },
  { ask: () => tauriHost.endQuiet(), command: "end_quiet", args: {} },
  { ask: () => tauriHost.previewStartUp("2025"), command: "preview_start_up", args: { version: "2025" } },
  {
    ask: () => tauriHost.turnStartUp("2025", true),
    command: "turn_start_up",
    args: { version: "2025", on: true },
  },
  { ask: () => tauriHost.previewClient("zed"), command: "preview_client", args: { client: "zed" } },
  {
    ask: () => tauriHost.connectClient("zed", "f"),
    command: "connect_client",
    args: { client: "zed", fingerprint: "f" },
  },
  { ask: () => tauriHost.disconnectClient("zed"), command: "disconnect_client", args: { client: "zed" } },
  { ask: () => tauriHost.copyConfig(), command: "copy_config", args: {} },
  { ask: () => tauriHost.setStartAtLogin(true), command: "set_start_at_login", args: { enabled: true } },
];

test.each(rows)("the shell is asked for $command with $args", async ({ ask, command, args }) => {
  await ask();
  const [name, sent] = invoke.mock.calls[0] ?? [];
  expect([name, sent], "the call").toEqual([command, args]);
});

test.each([
  ["view", () => tauriHost.watch(() => {})],
  ["events", () => tauriHost.watchEvents(() => {})],
])("watching listens for the event named %s", async (event, watch) => {
  await watch();
  expect(invoke.mock.calls[0]?.slice(0, 2), "the call").toEqual([
    "plugin:event|listen",
    { event, target: { kind: "Any" }, handler: 7 },
  ]);
});

test("a refusal keeps its kind and its words", async () => {
  invoke.mockRejectedValue({ kind: "changed", message: "The file changed meanwhile." });
  await expect(tauriHost.connectClient("zed", "f")).rejects.toMatchObject({
    kind: "changed",
    message: "The file changed meanwhile.",
  });
});

test.each([
  ["plain text", "plain text"],
  [{ kind: 3 }, "[object Object]"],
])("a refusal that is not ours, %o, becomes an internal error", (refusal, message) => {
  expect(hostError(refusal), "the error").toMatchObject({ kind: "internal", message });
});
