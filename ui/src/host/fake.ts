/** A shell in memory, for a browser and for tests. It answers like the real one: views arrive as events, never as replies. */
import { demoAdded, demoEvents, demoMorning, demoPreview, demoStartUpPreview, demoView, REMOTE_WARNING } from "./demo";
import {
  type Access,
  type AfterCrash,
  type Answer,
  type ClientState,
  type Connect,
  type EventInfo,
  type Host,
  HostError,
  type Outcome,
  type Preview,
  type QuietHours,
  type StartUpPreview,
  type Subject,
  type View,
} from "./types";

declare global {
  interface Window {
    /** Lets a browser test script what the shell does next. */
    fakeHost?: FakeHost;
  }
}

export type Command = Exclude<keyof Host, "watch" | "watchEvents">;

export class FakeHost implements Host {
  /** What was asked, in order: "chooseSession maya-8453". */
  readonly asked: string[] = [];
  #view: View;
  #seen = new Set<(view: View) => void>();
  #events: EventInfo[];
  #eventsSeen = new Set<(events: EventInfo[]) => void>();
  #gates = new Map<Command, Promise<void>>();
  #refusals = new Map<Command, HostError>();
  #previews = new Map<string, Preview>();

  constructor(view: View = demoView(), events = view.sessions.length > 0 ? demoEvents() : []) {
    this.#view = structuredClone(view);
    this.#events = events;
  }

  // ---- scripting

  /** Changes the view and tells everyone, as an observation in the real shell would. */
  change(edit: (view: View) => void): void {
    const next = structuredClone(this.#view);
    edit(next);
    this.#view = next;
    for (const seen of this.#seen) seen(structuredClone(next));
  }

  /** Something happens, and everyone is told. */
  happen(...events: EventInfo[]): void {
    this.#events = [...this.#events, ...events];
    for (const seen of this.#eventsSeen) seen(structuredClone(events));
  }

  /** Lets the next `command` wait; the returned function lets it go on. */
  hold(command: Command): () => void {
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.#gates.set(command, gate);
    return release;
  }

  /** Refuses the next `command`. */
  refuse(command: Command, kind: string, message: string): void {
    this.#refusals.set(command, new HostError(kind, message));
  }

  /** Replaces what a preview of this client shows from now on. */
  setPreview(preview: Preview): void {
    this.#previews.set(preview.client, preview);
  }

  // ---- the shell

  async view(): Promise<View> {
    await this.#enter("view");
    return structuredClone(this.#view);
  }

  async watch(seen: (view: View) => void): Promise<() => void> {
    this.#seen.add(seen);
    return () => this.#seen.delete(seen);
  }

  async events(): Promise<EventInfo[]> {
    await this.#enter("events");
    return structuredClone(this.#events);
  }

  async watchEvents(seen: (events: EventInfo[]) => void): Promise<() => void> {
    this.#eventsSeen.add(seen);
    return () => this.#eventsSeen.delete(seen);
  }

  async chooseSession(session: string | null): Promise<void> {
    await this.#enter("chooseSession", session);
    this.change((view) => {
      for (const each of view.sessions) each.in_use = each.session === session;
    });
  }

  async connectSession(session: string): Promise<void> {
    await this.#enter("connectSession", session);
    this.change((view) => {
      for (const each of view.sessions) {
        if (each.session !== session) continue;
        each.phase = "awaiting_permission";
        each.phase_text = "Maya is asking for permission: choose Allow All there";
        each.can_connect = false;
      }
    });
  }

  async remoteWarning(host: string): Promise<string | null> {
    await this.#enter("remoteWarning", host);
    return /^(localhost|127\.|::1$)/.test(host) ? null : REMOTE_WARNING;
  }

  async addSession(host: string, port: number): Promise<void> {
    await this.#enter("addSession", `${host} ${port}`);
    this.change((view) => view.sessions.push(demoAdded(host, port)));
  }

  async removeSession(session: string): Promise<void> {
    await this.#enter("removeSession", session);
    this.change((view) => {
      view.sessions = view.sessions.filter((each) => each.session !== session);
    });
  }

  async copyLine(session: string): Promise<void> {
    await this.#enter("copyLine", session);
  }

  async setConnect(connect: Connect): Promise<void> {
    await this.#enter("setConnect", connect);
    this.change((view) => {
      view.connect = connect;
    });
  }

  async setAccess(client: string | null, session: string | null, access: Access | null): Promise<void> {
    await this.#enter("setAccess", `${client} ${session} ${access}`);
    this.change((view) => {
      const here = view.sessions.find((each) => each.session === session);
      const program = view.clients.find((each) => each.client === client);
      if (client === null && session === null) view.access = access ?? "full";
      else if (here && client !== null) {
        const rule = access && { client, name: program?.name ?? client, access };
        here.exceptions = [...here.exceptions.filter((each) => each.client !== client), ...(rule ? [rule] : [])];
      } else if (here) here.access = access;
      else if (program) program.access = access;
    });
  }

  async answerQuestion(question: number, answer: Answer): Promise<void> {
    await this.#enter("answerQuestion", `${question} ${answer}`);
    this.change((view) => {
      const asker = view.questions.find((each) => each.question === question)?.client;
      view.questions = view.questions.filter((each) => each.question !== question);
      for (const each of view.clients) if (answer === "always" && each.name === asker) each.access = "full";
    });
  }

  async afterCrash(session: string, step: AfterCrash): Promise<void> {
    await this.#enter("afterCrash", `${session} ${step}`);
    if (step !== "dismiss") return;
    this.change((view) => {
      view.crashes = view.crashes.filter((each) => each.session !== session);
    });
  }

  async setNotices(on: boolean): Promise<void> {
    await this.#enter("setNotices", on);
    this.change((view) => {
      view.notices.on = on;
    });
  }

  async setNoticesAbout(subject: Subject, on: boolean): Promise<void> {
    await this.#enter("setNoticesAbout", `${subject} ${on}`);
    this.change(({ notices }) => {
      const others = notices.off.filter((each) => each !== subject);
      notices.off = on ? others : [...others, subject];
    });
  }

  async setQuietHours(hours: QuietHours | null): Promise<void> {
    await this.#enter("setQuietHours", hours && `${hours.from} ${hours.to}`);
    this.change((view) => {
      view.notices.quiet_hours = hours && { from: `${hours.from}:00`, to: `${hours.to}:00` };
    });
  }

  async setQuietUntilTomorrow(): Promise<void> {
    await this.#enter("setQuietUntilTomorrow");
    this.change((view) => {
      view.notices.quiet_until = demoMorning();
    });
  }

  async endQuiet(): Promise<void> {
    await this.#enter("endQuiet");
    this.change((view) => {
      view.notices.quiet_until = null;
    });
  }

  async previewStartUp(version: string): Promise<StartUpPreview> {
    await this.#enter("previewStartUp", version);
    return demoStartUpPreview(version);
  }

  async turnStartUp(version: string, on: boolean): Promise<Outcome> {
    await this.#enter("turnStartUp", `${version} ${on}`);
    this.change((view) => {
      for (const each of view.start_up) if (each.version === version) each.state = on ? "on" : "off";
    });
    return {
      message: on
        ? `Maya ${version} connects by itself from its next start on.`
        : `Maya ${version} no longer connects by itself. Its start-up file is as it was.`,
      backup: null,
    };
  }

  async previewClient(client: string): Promise<Preview> {
    await this.#enter("previewClient", client);
    return this.#preview(client);
  }

  async connectClient(client: string, fingerprint: string): Promise<Outcome> {
    await this.#enter("connectClient", client);
    const preview = this.#preview(client);
    if (preview.fingerprint !== fingerprint) {
      throw new HostError("changed", `The settings of ${preview.name} changed meanwhile.`);
    }
    this.#setClient(client, "connected");
    const backup = preview.creates_file ? null : `${preview.path}.backup`;
    return { message: `${preview.name} is connected. Start it again to use Maya.`, backup };
  }

  async disconnectClient(client: string): Promise<Outcome> {
    await this.#enter("disconnectClient", client);
    const { name, path } = this.#preview(client);
    this.#setClient(client, "not_connected");
    return { message: `${name} is no longer connected.`, backup: `${path}.backup` };
  }

  async copyConfig(): Promise<void> {
    await this.#enter("copyConfig");
  }

  async setStartAtLogin(enabled: boolean): Promise<void> {
    await this.#enter("setStartAtLogin", enabled);
    this.change((view) => {
      view.start_at_login = enabled;
    });
  }

  async #enter(command: Command, arg?: string | boolean | null): Promise<void> {
    this.asked.push(arg === undefined ? command : `${command} ${arg}`);
    const gate = this.#gates.get(command);
    this.#gates.delete(command);
    await gate;
    const refusal = this.#refusals.get(command);
    this.#refusals.delete(command);
    if (refusal) throw refusal;
  }

  #preview(client: string): Preview {
    const scripted = this.#previews.get(client);
    if (scripted) return scripted;
    const known = this.#view.clients.find((each) => each.client === client);
    if (!known) throw new HostError("unknown_client", `${client} is not a client that Maya MCP Tray knows.`);
    return demoPreview(known);
  }

  #setClient(client: string, state: ClientState): void {
    this.change((view) => {
      for (const each of view.clients) if (each.client === client) each.state = state;
    });
  }
}
