/** What the window may ask of the shell, and what it is told. The names are those of the IPC, unchanged. */

export type Phase =
  | "discovered"
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
  pid: number;
  maya_version: string | null;
  python_version: string | null;
  scene_name: string | null;
  scene_path: string | null;
  batch: boolean;
  /** The person chose this session for all clients. */
  in_use: boolean;
  /** Names of the clients that work in it now. */
  used_by: string[];
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
  previewClient(client: string): Promise<Preview>;
  /** Refused with the kind "changed" when the file is no longer the one that was previewed. */
  connectClient(client: string, fingerprint: string): Promise<Outcome>;
  disconnectClient(client: string): Promise<Outcome>;
  /** Puts the configuration for any other client on the clipboard. */
  copyConfig(): Promise<void>;
  setStartAtLogin(enabled: boolean): Promise<void>;
}
