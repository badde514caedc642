/** The workstation that the fake shell shows: every phase and every client state, once. */
import type {
  ClientState,
  ClientView,
  CrashView,
  EventInfo,
  Kind,
  Phase,
  Preview,
  QuestionView,
  SessionView,
  StartUpPreview,
  StartUpView,
  View,
} from "./types";

export function demoView(): View {
  return {
    endpoint: "http://127.0.0.1:6292/mcp",
    version: "0.1.0",
    questions: [],
    crashes: [],
    sessions: [
      demoSession(8453, "ready", "Ready", {
        title: "Maya 2025",
        scene_name: "shot_010_anim_v014.ma",
        scene_path: "/projects/heron/shots/010/shot_010_anim_v014.ma",
        in_use: true,
        used_by: ["Claude Desktop", "Cursor"],
      }),
      demoSession(9120, "busy", "Busy", {
        title: "Maya 2025",
        scene_name: "heron_rig_v031.mb",
        scene_path: "/projects/heron/assets/heron/rig/heron_rig_v031.mb",
        used_by: ["Claude Code"],
      }),
      demoSession(9377, "awaiting_permission", "Waiting for you to choose Allow All in Maya", {
        title: "Maya 2024",
        maya_version: "2024",
      }),
    ],
    clients: [
      demoClient("claude-desktop", "Claude Desktop", "connected", "~/.config/Claude/claude_desktop_config.json", {
        running: true,
      }),
      demoClient("claude-code", "Claude Code", "not_connected", "~/.claude.json"),
      demoClient("cursor", "Cursor", "outdated", "~/.cursor/mcp.json"),
      demoClient("vscode", "VS Code", "not_connected", "~/.config/Code/User/mcp.json", {
        running: true,
        note: "Quit VS Code first.",
      }),
      demoClient("codex", "Codex", "unreadable", "~/.codex/config.toml", {
        note: "Line 12 of the settings file cannot be read. Correct it, then connect here.",
      }),
      demoClient("windsurf", "Windsurf", "not_found", null),
      demoClient("zed", "Zed", "not_found", null),
    ],
    connect: "ask",
    access: "full",
    notices: { on: true, off: [], quiet_hours: null, quiet_until: null },
    start_up: [demoStartUp("2024", "off"), demoStartUp("2025", "on")],
    start_at_login: true,
    problem: null,
  };
}

/** Mayas that wait for the person: one to be connected, one that was refused, one without a port, one added by hand. */
export function waitingView(): View {
  return {
    ...demoView(),
    sessions: [
      demoSession(8453, "awaiting_connect", "Found: choose Connect in Maya MCP Tray to use it", {
        title: "Maya 2025",
        can_connect: true,
      }),
      demoSession(
        9120,
        "unreachable",
        "Running, not reachable: permission was denied in Maya. Choose Connect in Maya MCP Tray to be asked again",
        { title: "Maya 2025", can_connect: true },
      ),
      demoSession(9377, "unreachable", "Running, not reachable: it has no command port open", {
        title: "Maya 2024",
        maya_version: "2024",
        line: 'commandPort -name "127.0.0.1:7387";',
      }),
      demoAdded("10.0.0.5", 7001),
    ],
    start_up: [
      demoStartUp("2023", "unreadable", "The start-up file is read-only. Make it writable, then look here again."),
      demoStartUp("2024", "off"),
      demoStartUp("2025", "outdated"),
      demoStartUp("2026", "on"),
    ],
  };
}

/** Mayas that crashed, and an artist who wants less to be told. */
export function crashedView(): View {
  const view = demoView();
  return {
    ...view,
    sessions: view.sessions.slice(1, 2),
    crashes: [
      demoCrash(8453, {
        scene_name: "shot_010_anim_v014.ma",
        recovered_scene: "/tmp/shot_010_anim_v014.20260302.1158.ma",
      }),
      demoCrash(9377, { title: "Maya 2024" }),
    ],
    notices: {
      on: true,
      off: ["appeared", "came_back"],
      quiet_hours: { from: "20:00:00", to: "08:30:00" },
      quiet_until: demoMorning(),
    },
  };
}

export function demoCrash(pid: number, rest: Partial<CrashView> = {}): CrashView {
  const at = new Date(Date.now() - DEMO_AGE_MS).toISOString();
  return { session: `maya-${pid}`, title: "Maya 2025", scene_name: null, at, recovered_scene: null, ...rest };
}

/** 06:00 of the next day. */
export function demoMorning(): string {
  const now = new Date();
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 6).toISOString();
}

/** What led to the usual view, and a crash before that. */
export function demoEvents(): EventInfo[] {
  const steps: [Kind, string, string][] = [
    ["appeared", "maya-7712", "Maya 2026 is running"],
    ["crashed", "maya-7712", "Maya 2026 closed unexpectedly. A recovered scene is at /tmp/heron.20260302.1102.ma"],
    ["appeared", "maya-8453", "Maya 2025 is running"],
    ["ready", "maya-8453", "Maya 2025 is ready, with an untitled scene"],
    ["scene_changed", "maya-8453", "Maya 2025: scene opened (shot_010_anim_v014.ma)"],
    ["appeared", "maya-9120", "Maya 2025 is running"],
    ["ready", "maya-9120", "Maya 2025 is ready, with heron_rig_v031.mb"],
    ["appeared", "maya-9377", "Maya 2024 is running"],
    ["awaiting_permission", "maya-9377", "Maya 2024 is asking for permission: choose Allow All in Maya"],
    ["busy", "maya-9120", "Maya 2025 is busy"],
  ];
  return steps.map(([kind, session, detail], index) => demoEvent(1001 + index, kind, session, detail));
}

export function demoEvent(seq: number, kind: Kind, session: string, detail: string): EventInfo {
  const time = new Date(Date.now() - DEMO_AGE_MS + (seq - 1010) * 47_000).toISOString();
  return { seq, time, source: session, kind, session, detail };
}

/** Clients that ask, and an artist who has made rules of every kind. */
export function askingView(): View {
  const view = demoView();
  const [first, second] = view.sessions as [SessionView, SessionView];
  return {
    ...view,
    questions: [
      demoQuestion(41, "Claude Desktop", first, "run Python code (14 lines)", CODE),
      demoQuestion(43, "Cursor", second, "run MEL (1 line)", "polyCube -name heron_proxy;"),
    ],
    sessions: [
      first,
      {
        ...second,
        access: "look_only",
        exceptions: [{ client: "cursor", name: "Cursor", access: "ask" }],
      },
    ],
    clients: [
      ...view.clients.map((client) => (client.client === "cursor" ? { ...client, access: "ask" as const } : client)),
      demoClient("other", "other", "another", null, { access: "look_only" }),
    ],
    access: "ask",
  };
}

const CODE = `import maya.cmds as cmds

heron = cmds.ls("heron_*", type="transform")
for each in heron:
    cmds.setAttr(each + ".visibility", 1)
    if cmds.attributeQuery("proxy", node=each, exists=True):
        cmds.deleteAttr(each, attribute="proxy")

cmds.select(heron)
cmds.playbackOptions(minTime=1001, maxTime=1148, animationStartTime=1001, animationEndTime=1148)
for frame in range(1001, 1149, 12):
    cmds.currentTime(frame)
    cmds.setKeyframe(heron, attribute="visibility")
print(len(heron))
`;

function demoQuestion(
  question: number,
  client: string,
  { session, title, scene_name }: SessionView,
  what: string,
  code: string,
): QuestionView {
  const since = new Date(Date.now() - DEMO_AGE_MS).toISOString();
  return { question, client, session, title, scene_name, what, code, since };
}

/** A workstation on which nothing has happened yet. */
export function quietView(): View {
  const view = demoView();
  return {
    ...view,
    sessions: [],
    clients: view.clients.map((client) => ({
      ...client,
      state: client.state === "not_found" ? "not_found" : "not_connected",
      running: false,
      note: null,
    })),
    start_up: [],
    start_at_login: false,
  };
}

/** Every phase at once, and an endpoint that could not start. */
export function troubledView(): View {
  return {
    ...demoView(),
    endpoint: null,
    problem: "Port 6292 is used by “houdini-mcp” (process 4410). Close that program, then start Maya MCP Tray again.",
    sessions: [
      demoSession(7001, "discovered", "Just found"),
      demoSession(7002, "bootstrapping", "Getting ready"),
      demoSession(7003, "busy", "Busy"),
      demoSession(7004, "not_responding", "Not responding. Maya may be calculating"),
      demoSession(7005, "unreachable", "Cannot be reached. Open its command port, or start Maya again", {
        batch: true,
      }),
    ],
  };
}

/** Long enough ago for the window to say how long. */
const DEMO_AGE_MS = 4.5 * 60_000;

export function demoSession(pid: number, phase: Phase, text: string, rest: Partial<SessionView> = {}): SessionView {
  return {
    session: `maya-${pid}`,
    title: "Maya 2026",
    phase,
    phase_text: text,
    since: new Date(Date.now() - DEMO_AGE_MS).toISOString(),
    pid,
    maya_version: "2025.3",
    python_version: "3.11.4",
    scene_name: null,
    scene_path: null,
    batch: false,
    in_use: false,
    used_by: [],
    can_connect: false,
    line: null,
    removable: false,
    access: null,
    exceptions: [],
    ...rest,
  };
}

export function demoAdded(host: string, port: number): SessionView {
  const text = `Running, not reachable: no answer yet at ${host}:${port}. If Maya is busy or shows a dialog, it connects by itself afterwards`;
  return {
    ...demoSession(0, "unreachable", text),
    session: `maya-${host}:${port}`,
    title: "Maya",
    pid: null,
    maya_version: null,
    python_version: null,
    removable: true,
  };
}

export const REMOTE_WARNING =
  "A command port has no authentication and no encryption: everybody who reaches it over the network can run code in that Maya, and what you send to it can be read on the way.";

export function demoStartUp(version: string, state: StartUpView["state"], note: string | null = null): StartUpView {
  return { version, state, path: startUpPath(version), note };
}

export function demoStartUpPreview(version: string): StartUpPreview {
  return { version, path: startUpPath(version), block: BLOCK, creates_file: version !== "2025", changes: true };
}

function startUpPath(version: string): string {
  return `~/maya/${version}/scripts/userSetup.py`;
}

const BLOCK = `# >>> Maya MCP Tray >>>
# Written by Maya MCP Tray: lets this Maya connect to it by itself when it starts. To take it
# out, use its window or "maya-mcp autoconnect off", or delete everything from >>> to <<<.
try:
    __import__('runpy').run_path('/home/ana/.maya-mcp/boot.py')['start_up']()
except Exception:
    pass
# Before these lines: no file. Check: 0f1e2d3c
# <<< Maya MCP Tray <<<
`;

export function demoClient(
  client: string,
  name: string,
  state: ClientState,
  path: string | null,
  rest: Partial<ClientView> = {},
): ClientView {
  const choosable = ["connected", "outdated", "another"].includes(state);
  return { client, name, state, path, running: false, note: null, access: null, choosable, ...rest };
}

const BEFORE = `{
  "globalShortcut": "Ctrl+Space",
  "theme": "system",
  "mcpServers": {
    "filesystem": {
      "command": "npx",
      "args": ["-y", "@modelcontextprotocol/server-filesystem", "/projects"]
    }
  },
  "window": {
    "width": 1280,
    "height": 800,
    "zoom": 1
  },
  "telemetry": false
}
`;

const AFTER = BEFORE.replace(
  `"/projects"]
    }
`,
  `"/projects"]
    },
    "maya": {
      "command": "/opt/maya-mcp-tray/maya-mcp",
      "args": ["stdio", "--client", "claude-desktop"],
      "env": { "MAYA_MCP_TOKEN": "••••••••" }
    }
`,
);

export function demoPreview(client: ClientView): Preview {
  return {
    client: client.client,
    name: client.name,
    path: client.path ?? `~/.${client.client}/mcp.json`,
    fingerprint: "demo-1",
    before: BEFORE,
    after: AFTER.replace("claude-desktop", client.client),
    creates_file: false,
    note: client.running ? `Start ${client.name} again afterwards, so that it reads the file.` : null,
  };
}
