/** Every sentence that depends on data, in one place. No blame; the next step comes last. */
import type { ClientView, Preview, SessionView, View } from "./host/types";

export function sceneText(session: SessionView): string {
  return session.scene_name ?? "Untitled scene";
}

/** What a tooltip tells beyond the row: where the scene is, and what runs it. */
export function sessionDetails(session: SessionView): string {
  const programs = [
    session.maya_version && `Maya ${session.maya_version}`,
    session.python_version && `Python ${session.python_version}`,
    `process ${session.pid}`,
  ];
  return [session.scene_path ?? "This scene has not been saved yet.", programs.filter(Boolean).join(", ")].join("\n");
}

/** A session's name when it is heard and not seen: two sessions often have the same title. */
export function spokenName(session: SessionView): string {
  return `${session.title}, ${sceneText(session)}`;
}

/** The choice of no session in particular, and what happens then. */
export function freeChoiceTitle(sessions: number): string {
  return sessions === 1 ? "Automatic" : "Ask each time";
}

export function freeChoiceText(sessions: number): string {
  return sessions === 1 ? "Clients use the only Maya that is running" : "Clients ask which Maya you mean";
}

/** How long a state has lasted, once that is worth saying. */
export function elapsedText(since: string, now: number): string | null {
  const minutes = Math.floor((now - Date.parse(since)) / 60_000);
  if (!(minutes >= 1)) return null;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours} h ${minutes % 60} min` : "more than a day";
}

/** "127.0.0.1:6292": the part of the address that people need. */
export function endpointText(endpoint: string): string {
  return endpoint.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}

export function clientText(client: ClientView): string {
  switch (client.state) {
    case "not_found":
      return "Not on this computer";
    case "not_connected":
      return "Not connected";
    case "connected":
      return "Connected";
    case "outdated":
      return "Needs an update";
    case "unreadable":
      return "Settings cannot be read";
  }
}

export function unreadableText(client: ClientView): string {
  return client.note ?? "Correct its settings file, then connect here.";
}

export function changeText(change: { added: number; removed: number }): string {
  const { added, removed } = change;
  const parts = [added > 0 && `${lines(added)} added`, removed > 0 && `${lines(removed)} removed`].filter(Boolean);
  return parts.length > 0 ? parts.join(", ") : "The file already says this. Nothing in it changes";
}

export function gapText(count: number): string {
  return `${lines(count)} unchanged`;
}

export function previewText(preview: Preview): string {
  return preview.creates_file ? "This makes a new settings file:" : "This changes one settings file:";
}

/** What a person who does not look at the window should hear, when one view follows another. */
export function heardChanges(before: View, after: View): string[] {
  return [
    ...heardProblem(before, after),
    ...heardSessions(before, after),
    ...heardChoice(before, after),
    ...heardClients(before, after),
  ];
}

function heardProblem(before: View, after: View): string[] {
  if (before.problem === after.problem) return [];
  return [after.problem ?? "The problem is solved."];
}

function heardSessions(before: View, after: View): string[] {
  const earlier = new Map(before.sessions.map((session) => [session.session, session]));
  const later = new Set(after.sessions.map((session) => session.session));
  const closed = before.sessions.filter((session) => !later.has(session.session));
  const changed = after.sessions.filter((session) => earlier.get(session.session)?.phase_text !== session.phase_text);
  return [
    ...closed.map((session) => `${spokenName(session)}: closed.`),
    ...changed.map((session) => sentence(`${spokenName(session)}: ${session.phase_text}`)),
  ];
}

function heardChoice(before: View, after: View): string[] {
  const earlier = before.sessions.find((session) => session.in_use);
  const later = after.sessions.find((session) => session.in_use);
  if (earlier?.session === later?.session) return [];
  if (later) return [`Clients now use ${spokenName(later)}.`];
  return after.sessions.length > 0 ? [`${freeChoiceText(after.sessions.length)}.`] : [];
}

function heardClients(before: View, after: View): string[] {
  const earlier = new Map(before.clients.map((client) => [client.client, client.state]));
  const changed = after.clients.filter((client) => earlier.get(client.client) !== client.state);
  return changed.map((client) => `${client.name}: ${clientText(client)}.`);
}

function sentence(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

function lines(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}
