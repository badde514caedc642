/** What the window may ask of the shell, and what it is told. The names are those of the IPC, unchanged. */

export type Phase =
  | "discovered"
  | "awaiting_connect"
  | "awaiting_permission"
  | "bootstrapping"
  | "ready"
  | "busy"
  | "not_responding"
  | "unreachable";

/** What a client may do: everything, everything after the person was asked, or nothing but looking. */
export type Access = "full" | "ask" | "look_only";

/** To what a client wants: this once; this and whatever it wants later; not this. */
export type Answer = "once" | "always" | "no";

/** A client wants something that the person has to allow. */
export interface QuestionView {
  question: number;
  /** "Claude Desktop" */
  client: string;
  session: string;
  /** "Maya 2025" */
  title: string;
  scene_name: string | null;
  /** "run Python code (12 lines)" */
  what: string;
  /** Its beginning. */
  code: string;
  /** RFC 3339 */
  since: string;
}

/** A Maya that closed unexpectedly. */
export interface CrashView {
  session: string;
  /** "Maya 2025" */
  title: string;
  scene_name: string | null;
  /** RFC 3339 */
  at: string;
  /** What Maya left of the person's work: a path. */
  recovered_scene: string | null;
}

/** What can be done after a crash. */
export type AfterCrash = "open_scene" | "show_folder" | "dismiss";

/** What a notice is about. */
export type Subject =
  | "appeared"
  | "awaiting_connect"
  | "awaiting_permission"
  | "ready"
  | "not_responding"
  | "came_back"
  | "crashed"
  | "question";

/** Every day, "22:00:00"; over midnight where `to` is the earlier one. */
export interface QuietHours {
  from: string;
  to: string;
}

/** What is told on the desktop, and when not. */
export interface NoticesView {
  on: boolean;
  off: Subject[];
  quiet_hours: QuietHours | null;
  /** In the future, RFC 3339. */
  quiet_until: string | null;
}

/** What an event is. */
export type Kind =
  | "appeared"
  | "ready"
  | "awaiting_connect"
  | "awaiting_permission"
  | "unreachable"
  | "scene_changed"
  | "selection_changed"
  | "version_changed"
  | "busy"
  | "not_responding"
  | "came_back"
  | "exited"
  | "removed"
  | "crashed"
  | "heartbeat"
  | "backend_connected"
  | "backend_changed"
  | "backend_lost"
  | "log_torn";

/** Something that happened. */
export interface EventInfo {
  seq: number;
  /** RFC 3339 */
  time: string;
  /** The name of the session, or of the other server. */
  source: string;
  kind: Kind;
  session: string | null;
  /** In words for people. */
  detail: string;
  recovered_scene?: string;
}

/** What a client may do in one session, where that is a rule of its own. */
export interface ExceptionView {
  client: string;
  name: string;
  access: Access;
}

export interface SessionView {
  /** "maya-8453" */
  session: string;
  /** "Maya 2025" */
  title: string;
  phase: Phase;
  /** The phase in words for people: "Waiting for you to choose Allow All in Maya". */
  phase_text: string;
  /** When the phase began, RFC 3339. */
  since: string;
  /** Of the machine it runs on; null while unknown. */
  pid: number | null;
  maya_version: string | null;
  python_version: string | null;
  scene_name: string | null;
  scene_path: string | null;
  batch: boolean;
  /** The person chose this session for all clients. */
  in_use: boolean;
  /** Names of the clients that work in it now. */
  used_by: string[];
  /** Connecting it is for the person to choose. */
  can_connect: boolean;
  /** The line for the Script Editor of a Maya without a port of its own. */
  line: string | null;
  /** It was added by hand. */
  removable: boolean;
  /** What everybody may do here; null where each client's own rule counts. */
  access: Access | null;
  exceptions: ExceptionView[];
}

/** What happens when a Maya is found. */
export type Connect = "ask" | "auto" | "manual";

/** Whether a version of Maya connects by itself when it starts. */
export interface StartUpView {
  /** "2025" */
  version: string;
  /** "outdated": our block is in the file, and starts something else. */
  state: "off" | "on" | "outdated" | "unreadable";
  /** Its start-up file, which may not be there yet. */
  path: string;
  note: string | null;
}

/** "another": none of the programs that the shell knows, but it has a rule or asks. */
export type ClientState = "not_found" | "not_connected" | "connected" | "outdated" | "unreadable" | "another";

export interface ClientView {
  /** "claude-desktop" */
  client: string;
  /** "Claude Desktop" */
  name: string;
  state: ClientState;
  path: string | null;
  running: boolean;
  /** "Quit Claude Desktop first" */
  note: string | null;
  /** What it may do; null where it has no rule of its own. */
  access: Access | null;
  /** There is something to be allowed: it is connected, or was heard of. */
  choosable: boolean;
}

export interface View {
  endpoint: string | null;
  version: string;
  /** The oldest first. */
  questions: QuestionView[];
  /** What the person has not seen to yet, the newest first. */
  crashes: CrashView[];
  sessions: SessionView[];
  clients: ClientView[];
  connect: Connect;
  /** What clients may do where there is no other rule. */
  access: Access;
  notices: NoticesView;
  start_up: StartUpView[];
  start_at_login: boolean;
  /** "Port 6292 is used by …" */
  problem: string | null;
}

/** One client's settings file before and after connecting: whole texts, tokens masked. */
export interface Preview {
  client: string;
  name: string;
  path: string;
  /** Names the state of the file that was previewed; connecting is refused when the file is another by then. */
  fingerprint: string;
  before: string;
  after: string;
  creates_file: boolean;
  note: string | null;
}

/** What will stand in a version's start-up file. */
export interface StartUpPreview {
  version: string;
  path: string;
  block: string;
  creates_file: boolean;
  /** False when it stands there already, as it should. */
  changes: boolean;
}

export interface Outcome {
  /** "Claude Desktop is connected. Start it again to use Maya." */
  message: string;
  /** Where the previous file was kept. */
  backup: string | null;
}

/** A refusal by the shell. Its message is already written for people. */
export class HostError extends Error {
  override readonly name = "HostError";

  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

export interface Host {
  view(): Promise<View>;
  /** Calls `seen` with every later view, until the returned function is called. */
  watch(seen: (view: View) => void): Promise<() => void>;
  /** What happened lately, the oldest first. */
  events(): Promise<EventInfo[]>;
  /** Calls `seen` with later events, some of which may have been there before, until the returned function is called. */
  watchEvents(seen: (events: EventInfo[]) => void): Promise<() => void>;
  chooseSession(session: string | null): Promise<void>;
  connectSession(session: string): Promise<void>;
  /** What is to be read before adding a Maya on this host; nothing for most. */
  remoteWarning(host: string): Promise<string | null>;
  addSession(host: string, port: number): Promise<void>;
  removeSession(session: string): Promise<void>;
  /** Puts the session's line for the Script Editor on the clipboard. */
  copyLine(session: string): Promise<void>;
  setConnect(connect: Connect): Promise<void>;
  /** The rule for a client, for a session, for the two together, or, without either, for everywhere; null takes it back. */
  setAccess(client: string | null, session: string | null, access: Access | null): Promise<void>;
  answerQuestion(question: number, answer: Answer): Promise<void>;
  afterCrash(session: string, step: AfterCrash): Promise<void>;
  setNotices(on: boolean): Promise<void>;
  setNoticesAbout(subject: Subject, on: boolean): Promise<void>;
  setQuietHours(hours: QuietHours | null): Promise<void>;
  setQuietUntilTomorrow(): Promise<void>;
  endQuiet(): Promise<void>;
  previewStartUp(version: string): Promise<StartUpPreview>;
  turnStartUp(version: string, on: boolean): Promise<Outcome>;
  previewClient(client: string): Promise<Preview>;
  /** Refused with the kind "changed" when the file is no longer the one that was previewed. */
  connectClient(client: string, fingerprint: string): Promise<Outcome>;
  disconnectClient(client: string): Promise<Outcome>;
  /** Puts the configuration for any other client on the clipboard. */
  copyConfig(): Promise<void>;
  setStartAtLogin(enabled: boolean): Promise<void>;
}
