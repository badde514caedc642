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

export type ClientState = "not_found" | "not_connected" | "connected" | "outdated" | "unreadable";

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
}

export interface View {
  endpoint: string | null;
  version: string;
  sessions: SessionView[];
  clients: ClientView[];
  connect: Connect;
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
  chooseSession(session: string | null): Promise<void>;
  connectSession(session: string): Promise<void>;
  /** What is to be read before adding a Maya on this host; nothing for most. */
  remoteWarning(host: string): Promise<string | null>;
  addSession(host: string, port: number): Promise<void>;
  removeSession(session: string): Promise<void>;
  /** Puts the session's line for the Script Editor on the clipboard. */
  copyLine(session: string): Promise<void>;
  setConnect(connect: Connect): Promise<void>;
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
