/** Every sentence that depends on data, in one place. No blame; the next step comes last. */
import type {
  Access,
  ClientView,
  Connect,
  CrashView,
  EventInfo,
  Phase,
  Preview,
  QuestionView,
  SessionView,
  StartUpPreview,
  StartUpView,
  Subject,
  View,
} from "./host/types";

/** In these phases Maya has said what is open in it. */
const linked: Phase[] = ["ready", "busy", "not_responding"];

/** Nothing while Maya has not said what is open in it. */
export function sceneText(session: SessionView): string | null {
  return session.scene_name ?? (linked.includes(session.phase) ? "Untitled scene" : null);
}

/** What a tooltip tells beyond the row: where the scene is, and what runs it. */
export function sessionDetails(session: SessionView): string {
  const programs = [
    session.maya_version && `Maya ${session.maya_version}`,
    session.python_version && `Python ${session.python_version}`,
    session.pid !== null && `process ${session.pid}`,
  ];
  const unsaved = linked.includes(session.phase) && "This scene has not been saved yet.";
  return [session.scene_path ?? unsaved, programs.filter(Boolean).join(", ")].filter(Boolean).join("\n");
}

/** A session's name when it is heard and not seen: two sessions often have the same title. */
export function spokenName(session: SessionView): string {
  return `${session.title}, ${sceneText(session) ?? session.session}`;
}

/** The choice of no session in particular, and what happens then. */
export function freeChoiceTitle(sessions: number): string {
  return sessions === 1 ? "Automatic" : "Ask each time";
}

export function freeChoiceText(sessions: number): string {
  return sessions === 1 ? "Clients use the only Maya that is running" : "Clients ask which Maya you mean";
}

export const connectChoices: { value: Connect; title: string; text: string }[] = [
  { value: "ask", title: "Ask me", text: "A notice offers Connect before Maya shows its security dialog" },
  { value: "auto", title: "Connect at once", text: "Maya shows its security dialog where it has one" },
  { value: "manual", title: "Do nothing", text: "Choose Connect here or in the tray when you want to" },
];

export const accessChoices: { value: Access; title: string; text: string }[] = [
  { value: "full", title: "Full", text: "Clients run code at once" },
  { value: "ask", title: "Ask me", text: "You allow or deny each script, here, in the tray or in a notice" },
  { value: "look_only", title: "Look only", text: "Nothing runs; scenes, viewport and output can be looked at" },
];

/** One of a list to choose from; without a rule, the empty value. */
export interface Option {
  value: Access | "";
  title: string;
}

export function accessTitle(access: Access): string {
  return accessChoices.find((choice) => choice.value === access)?.title ?? access;
}

/** For one client: a rule of its own, or the one for everywhere. */
export function clientOptions(everywhere: Access): Option[] {
  return [{ value: "", title: `Default: ${accessTitle(everywhere)}` }, ...accessChoices];
}

/** For everybody in a session. That all is allowed is said of clients, not of sessions, unless somebody has. */
export function sessionOptions(current: Access | null): Option[] {
  const rules = accessChoices.filter(({ value }) => value !== "full" || current === "full");
  return [{ value: "", title: "As each client’s rule" }, ...rules];
}

/** For a client in a session that has a rule of its own there. */
export const exceptionOptions: Option[] = [{ value: "", title: "No exception" }, ...accessChoices];

export function questionTitle(question: QuestionView): string {
  return `${question.client} wants to ${question.what}`;
}

export function questionPlace(question: QuestionView): string {
  const scene = question.scene_name === null ? "" : `, ${question.scene_name}`;
  return `In ${question.title}${scene} (${question.session})`;
}

export function askedText(since: string, now: number): string {
  const elapsed = elapsedText(since, now);
  return elapsed === null ? "Asked just now" : `Asked ${elapsed} ago`;
}

export function crashTitle(crash: CrashView): string {
  return `${crash.title} closed unexpectedly`;
}

/** When, which one, and what was open in it. */
export function crashText(crash: CrashView, now: number): string {
  const elapsed = elapsedText(crash.at, now);
  const when = elapsed === null ? "Just now" : `${capital(elapsed)} ago`;
  return `${when}: ${[crash.session, crash.scene_name].filter(Boolean).join(", ")}`;
}

export const OPENING = "The recovered scene is being opened. Maya takes a moment to start.";

/** What notices can be about, as a sentence that a switch says yes or no to. */
export const noticeTitles: Record<Subject, string> = {
  appeared: "A Maya was found",
  awaiting_connect: "A Maya can be connected",
  awaiting_permission: "Maya asks for permission",
  ready: "A Maya is ready",
  not_responding: "A Maya does not respond",
  came_back: "It responds again",
  crashed: "A Maya closed unexpectedly",
  question: "A client wants to run code",
};

/** "22:00", as the shell keeps it or as it was typed; nothing for what is no time. */
export function timeOf(text: string): string | null {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)(?::00)?$/.exec(text.trim()) ?? [];
  return hours && minutes ? `${hours.padStart(2, "0")}:${minutes}` : null;
}

export const WRONG_TIME = "A time of the day has hours and minutes, as 22:00.";

/** "tomorrow, 06:00", or the day. */
export function untilText(until: string, now: number): string {
  const date = new Date(until);
  const today = new Date(now);
  const tomorrow = new Date(today.getFullYear(), today.getMonth(), today.getDate() + 1);
  const isOn = (day: Date) => day.toDateString() === date.toDateString();
  const day = isOn(today) ? "today" : isOn(tomorrow) ? "tomorrow" : date.toLocaleDateString();
  return `${day}, ${clockText(date)}`;
}

/** "14:05" today, with the day for what is older. */
export function eventTime(time: string, now: number): string {
  const date = new Date(time);
  if (date.toDateString() === new Date(now).toDateString()) return clockText(date);
  return `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${clockText(date)}`;
}

function clockText(date: Date): string {
  return date.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

/** Which events to show: all, those that are crashes, or those of one session. */
export function eventOptions(events: EventInfo[]): { value: string; title: string }[] {
  const sessions = [...new Set(events.flatMap((event) => event.session ?? []))].reverse();
  return [
    { value: "", title: "All" },
    { value: "crashed", title: "Crashes" },
    ...sessions.map((session) => ({ value: session, title: session })),
  ];
}

export function isWanted(event: EventInfo, wanted: string): boolean {
  return wanted === "" || event.kind === wanted || event.session === wanted;
}

export const WRONG_PORT = "A port is a number from 1 to 65535. Give the one in Maya’s commandPort line.";

/** The port that was typed. */
export function portOf(text: string): number | null {
  const digits = text.trim();
  const port = /^\d{1,5}$/.test(digits) ? Number(digits) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

export function startUpText(version: string): string {
  return `Maya ${version} connects by itself when it starts: no question, no command port. This takes effect at its next start.`;
}

export function startUpFileText(preview: StartUpPreview, updating: boolean): string {
  if (updating) return "These lines take the place of earlier ones in its start-up file:";
  if (!preview.changes) return "These lines stand in its start-up file already:";
  return preview.creates_file ? "This makes a start-up file:" : "These lines are added to one start-up file:";
}

export function startUpStateText(version: StartUpView): string {
  switch (version.state) {
    case "off":
      return "Off";
    case "on":
      return "Connects when it starts";
    case "outdated":
      return "Needs an update";
    case "unreadable":
      return "Its start-up file cannot be used";
  }
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
    case "another":
      return "Another client";
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
    ...heardQuestions(before, after),
    ...heardProblem(before, after),
    ...heardCrashes(before, after),
    ...heardSessions(before, after),
    ...heardChoice(before, after),
    ...heardClients(before, after),
  ];
}

function heardQuestions(before: View, after: View): string[] {
  const earlier = new Set(before.questions.map((question) => question.question));
  const asked = after.questions.filter((question) => !earlier.has(question.question));
  return asked.map((question) => `${questionTitle(question)} in ${question.title}. Allow or deny it at the top.`);
}

function heardProblem(before: View, after: View): string[] {
  if (before.problem === after.problem) return [];
  return [after.problem ?? "The problem is solved."];
}

function newCrashes(before: View, after: View): CrashView[] {
  const earlier = new Set(before.crashes.map((crash) => crash.at));
  return after.crashes.filter((crash) => !earlier.has(crash.at));
}

function heardCrashes(before: View, after: View): string[] {
  const recovered = "A recovered scene is ready to open, at the top.";
  return newCrashes(before, after).map(
    (crash) => `${crashTitle(crash)}.${crash.recovered_scene === null ? "" : ` ${recovered}`}`,
  );
}

function heardSessions(before: View, after: View): string[] {
  const earlier = new Map(before.sessions.map((session) => [session.session, session]));
  const later = new Set(after.sessions.map((session) => session.session));
  for (const crash of newCrashes(before, after)) later.add(crash.session);
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

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function lines(count: number): string {
  return count === 1 ? "1 line" : `${count} lines`;
}
