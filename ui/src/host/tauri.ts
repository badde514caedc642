/** The real shell, over Tauri's IPC. Nothing else in the window imports Tauri. */
import { type InvokeArgs, invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { type EventInfo, type Host, HostError, type View } from "./types";

export const tauriHost: Host = {
  view: () => call("view"),
  watch: (seen) => listen<View>("view", (event) => seen(event.payload)),
  events: () => call("events"),
  watchEvents: (seen) => listen<EventInfo[]>("events", (event) => seen(event.payload)),
  chooseSession: (session) => call("choose_session", { session }),
  connectSession: (session) => call("connect_session", { session }),
  remoteWarning: (host) => call("remote_warning", { host }),
  addSession: (host, port) => call("add_session", { host, port }),
  removeSession: (session) => call("remove_session", { session }),
  copyLine: (session) => call("copy_line", { session }),
  setConnect: (connect) => call("set_connect", { connect }),
  setAccess: (client, session, access) => call("set_access", { client, session, access }),
  answerQuestion: (question, answer) => call("answer_question", { question, answer }),
  afterCrash: (session, step) => call("after_crash", { session, step }),
  setNotices: (on) => call("set_notices", { on }),
  setNoticesAbout: (subject, on) => call("set_notices_about", { subject, on }),
  setQuietHours: (hours) => call("set_quiet_hours", { hours }),
  setQuietUntilTomorrow: () => call("set_quiet_until_tomorrow"),
  endQuiet: () => call("end_quiet"),
  previewStartUp: (version) => call("preview_start_up", { version }),
  turnStartUp: (version, on) => call("turn_start_up", { version, on }),
  previewClient: (client) => call("preview_client", { client }),
  connectClient: (client, fingerprint) => call("connect_client", { client, fingerprint }),
  disconnectClient: (client) => call("disconnect_client", { client }),
  copyConfig: () => call("copy_config"),
  setStartAtLogin: (enabled) => call("set_start_at_login", { enabled }),
};

async function call<T>(command: string, args?: InvokeArgs): Promise<T> {
  try {
    return await invoke<T>(command, args);
  } catch (refusal) {
    throw hostError(refusal);
  }
}

/** Our commands refuse with `{kind, message}`; Tauri itself refuses with a plain text. */
export function hostError(refusal: unknown): HostError {
  if (isRefusal(refusal)) return new HostError(refusal.kind, refusal.message);
  return new HostError("internal", String(refusal));
}

function isRefusal(value: unknown): value is { kind: string; message: string } {
  if (typeof value !== "object" || value === null) return false;
  const { kind, message } = value as Record<string, unknown>;
  return typeof kind === "string" && typeof message === "string";
}
