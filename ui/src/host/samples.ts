// Written by `cargo test -p maya-mcp-tray` with MAYA_MCP_CODEGEN=1: what the shell really sends. Not to be edited.
import type { EventInfo, Outcome, Preview, StartUpPreview, View } from "./types";

export const views: View[] = [
  {
    "endpoint": null,
    "version": "0.1.0",
    "questions": [],
    "crashes": [],
    "sessions": [],
    "clients": [],
    "connect": "ask",
    "access": "full",
    "notices": {
      "on": true,
      "off": [],
      "quiet_hours": null,
      "quiet_until": null
    },
    "start_up": [],
    "start_at_login": false,
    "problem": null
  },
  {
    "endpoint": "http://127.0.0.1:6292/mcp",
    "version": "0.1.0",
    "questions": [
      {
        "question": 7,
        "client": "Claude Desktop",
        "session": "maya-8453",
        "title": "Maya 2025",
        "scene_name": "shot_010.ma",
        "what": "run Python code (2 lines)",
        "code": "import maya.cmds as cmds\ncmds.polyCube()",
        "since": "1970-01-01T00:00:00Z"
      }
    ],
    "crashes": [
      {
        "session": "maya-8454",
        "title": "Maya 2025",
        "scene_name": null,
        "at": "1970-01-01T00:00:00Z",
        "recovered_scene": null
      },
      {
        "session": "maya-8453",
        "title": "Maya 2025",
        "scene_name": "shot_010.ma",
        "at": "1970-01-01T00:00:00Z",
        "recovered_scene": "/tmp/shot_010.20261121.1830.ma"
      }
    ],
    "sessions": [
      {
        "session": "maya-8453",
        "title": "Maya 2025",
        "phase": "ready",
        "phase_text": "Ready",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8453,
        "maya_version": "2025",
        "python_version": "3.11.4",
        "scene_name": "shot_010.ma",
        "scene_path": "/show/shot_010.ma",
        "batch": false,
        "in_use": true,
        "used_by": [
          "cursor"
        ],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": "ask",
        "exceptions": [
          {
            "client": "claude-desktop",
            "name": "Claude Desktop",
            "access": "ask"
          }
        ]
      },
      {
        "session": "maya-8454",
        "title": "Maya 2025",
        "phase": "discovered",
        "phase_text": "Found, looking for its command port",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8454,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": true,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8455",
        "title": "Maya 2025",
        "phase": "awaiting_connect",
        "phase_text": "Found: choose Connect in Maya MCP Tray to use it",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8455,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": true,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8456",
        "title": "Maya 2025",
        "phase": "awaiting_permission",
        "phase_text": "Maya is asking for permission: choose Allow All there",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8456,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8457",
        "title": "Maya 2025",
        "phase": "bootstrapping",
        "phase_text": "Connecting",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8457,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8458",
        "title": "Maya 2025",
        "phase": "busy",
        "phase_text": "Busy: Maya is working or shows a dialog",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8458,
        "maya_version": "2025",
        "python_version": "3.11.4",
        "scene_name": "shot_010.ma",
        "scene_path": "/show/shot_010.ma",
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8459",
        "title": "Maya 2025",
        "phase": "not_responding",
        "phase_text": "Not responding, but alive: it works on something long or shows a dialog. Please look at Maya",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8459,
        "maya_version": "2025",
        "python_version": "3.11.4",
        "scene_name": "shot_010.ma",
        "scene_path": "/show/shot_010.ma",
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8460",
        "title": "Maya 2025",
        "phase": "unreachable",
        "phase_text": "Running, not reachable: it has no command port open",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8460,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": "commandPort -name \"127.0.0.1:7370\";",
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-8461",
        "title": "Maya 2025",
        "phase": "unreachable",
        "phase_text": "Running, not reachable: permission was denied in Maya. Choose Connect in Maya MCP Tray to be asked again",
        "since": "1970-01-01T00:00:00Z",
        "pid": 8461,
        "maya_version": "2025",
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": true,
        "line": null,
        "removable": false,
        "access": null,
        "exceptions": []
      },
      {
        "session": "maya-10.0.0.5:7001",
        "title": "Maya",
        "phase": "unreachable",
        "phase_text": "Running, not reachable: no answer yet at farm-12:7001. If Maya is busy or shows a dialog, it connects by itself afterwards",
        "since": "1970-01-01T00:00:00Z",
        "pid": null,
        "maya_version": null,
        "python_version": null,
        "scene_name": null,
        "scene_path": null,
        "batch": false,
        "in_use": false,
        "used_by": [],
        "can_connect": false,
        "line": null,
        "removable": true,
        "access": null,
        "exceptions": []
      }
    ],
    "clients": [
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "not_connected",
        "path": "/home/ana/.config/Claude/claude_desktop_config.json",
        "running": false,
        "note": null,
        "access": null,
        "choosable": false
      },
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "connected",
        "path": "/home/ana/.config/Claude/claude_desktop_config.json",
        "running": true,
        "note": null,
        "access": null,
        "choosable": true
      },
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "outdated",
        "path": "/home/ana/.config/Claude/claude_desktop_config.json",
        "running": false,
        "note": null,
        "access": null,
        "choosable": true
      },
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "unreadable",
        "path": "/home/ana/.config/Claude/claude_desktop_config.json",
        "running": false,
        "note": "It is not valid JSON.",
        "access": null,
        "choosable": false
      },
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "not_found",
        "path": null,
        "running": false,
        "note": null,
        "access": null,
        "choosable": false
      },
      {
        "client": "claude-desktop",
        "name": "Claude Desktop",
        "state": "another",
        "path": null,
        "running": false,
        "note": null,
        "access": "look_only",
        "choosable": true
      }
    ],
    "connect": "ask",
    "access": "full",
    "notices": {
      "on": false,
      "off": [
        "appeared",
        "awaiting_connect",
        "awaiting_permission",
        "ready",
        "not_responding",
        "came_back",
        "crashed",
        "question"
      ],
      "quiet_hours": {
        "from": "22:00:00",
        "to": "07:30:00"
      },
      "quiet_until": "1970-01-01T00:00:00Z"
    },
    "start_up": [
      {
        "version": "2025",
        "state": "off",
        "path": "/home/ana/maya/2025/scripts/userSetup.py",
        "note": null
      },
      {
        "version": "2025",
        "state": "on",
        "path": "/home/ana/maya/2025/scripts/userSetup.py",
        "note": null
      },
      {
        "version": "2025",
        "state": "outdated",
        "path": "/home/ana/maya/2025/scripts/userSetup.py",
        "note": null
      },
      {
        "version": "2025",
        "state": "unreadable",
        "path": "/home/ana/maya/2025/scripts/userSetup.py",
        "note": "It is read-only."
      }
    ],
    "start_at_login": true,
    "problem": "Port 6292 on this machine is taken."
  },
  {
    "endpoint": null,
    "version": "0.1.0",
    "questions": [],
    "crashes": [],
    "sessions": [],
    "clients": [],
    "connect": "auto",
    "access": "ask",
    "notices": {
      "on": true,
      "off": [],
      "quiet_hours": null,
      "quiet_until": null
    },
    "start_up": [],
    "start_at_login": false,
    "problem": null
  },
  {
    "endpoint": null,
    "version": "0.1.0",
    "questions": [],
    "crashes": [],
    "sessions": [],
    "clients": [],
    "connect": "manual",
    "access": "look_only",
    "notices": {
      "on": true,
      "off": [],
      "quiet_hours": null,
      "quiet_until": null
    },
    "start_up": [],
    "start_at_login": false,
    "problem": null
  }
];

export const events: EventInfo[] = [
  {
    "seq": 1,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "appeared",
    "session": "maya-8453",
    "detail": "Maya 2025: appeared"
  },
  {
    "seq": 2,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "ready",
    "session": "maya-8453",
    "detail": "Maya 2025: ready"
  },
  {
    "seq": 3,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "awaiting_connect",
    "session": "maya-8453",
    "detail": "Maya 2025: awaiting_connect"
  },
  {
    "seq": 4,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "awaiting_permission",
    "session": "maya-8453",
    "detail": "Maya 2025: awaiting_permission"
  },
  {
    "seq": 5,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "unreachable",
    "session": "maya-8453",
    "detail": "Maya 2025: unreachable"
  },
  {
    "seq": 6,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "scene_changed",
    "session": "maya-8453",
    "detail": "Maya 2025: scene_changed"
  },
  {
    "seq": 7,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "selection_changed",
    "session": "maya-8453",
    "detail": "Maya 2025: selection_changed"
  },
  {
    "seq": 8,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "version_changed",
    "session": "maya-8453",
    "detail": "Maya 2025: version_changed"
  },
  {
    "seq": 9,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "busy",
    "session": "maya-8453",
    "detail": "Maya 2025: busy"
  },
  {
    "seq": 10,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "not_responding",
    "session": "maya-8453",
    "detail": "Maya 2025: not_responding"
  },
  {
    "seq": 11,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "came_back",
    "session": "maya-8453",
    "detail": "Maya 2025: came_back"
  },
  {
    "seq": 12,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "exited",
    "session": "maya-8453",
    "detail": "Maya 2025: exited"
  },
  {
    "seq": 13,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "removed",
    "session": "maya-8453",
    "detail": "Maya 2025: removed"
  },
  {
    "seq": 14,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "crashed",
    "session": "maya-8453",
    "detail": "Maya 2025: crashed",
    "recovered_scene": "/tmp/shot_010.20261121.1830.ma"
  },
  {
    "seq": 15,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "heartbeat",
    "session": "maya-8453",
    "detail": "Maya 2025: heartbeat"
  },
  {
    "seq": 16,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "backend_connected",
    "session": null,
    "detail": "Maya 2025: backend_connected"
  },
  {
    "seq": 17,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "backend_changed",
    "session": null,
    "detail": "Maya 2025: backend_changed"
  },
  {
    "seq": 18,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "backend_lost",
    "session": null,
    "detail": "Maya 2025: backend_lost"
  },
  {
    "seq": 19,
    "time": "1970-01-01T00:00:00Z",
    "source": "maya-8453",
    "kind": "log_torn",
    "session": "maya-8453",
    "detail": "Maya 2025: log_torn"
  }
];

export const previews: Preview[] = [
  {
    "client": "claude-code",
    "name": "Claude Code",
    "path": "/home/ana/.claude.json",
    "fingerprint": "0123abcd",
    "before": "{}\n",
    "after": "{ \"mcpServers\": {} }\n",
    "creates_file": false,
    "note": null
  },
  {
    "client": "claude-code",
    "name": "Claude Code",
    "path": "/home/ana/.claude.json",
    "fingerprint": "0123abcd",
    "before": "{}\n",
    "after": "{ \"mcpServers\": {} }\n",
    "creates_file": false,
    "note": "Quit it first."
  }
];

export const startUpPreviews: StartUpPreview[] = [
  {
    "version": "2025",
    "path": "/home/ana/maya/2025/scripts/userSetup.py",
    "block": "# >>> Maya MCP Tray >>>\n",
    "creates_file": true,
    "changes": true
  }
];

export const outcomes: Outcome[] = [
  {
    "message": "Claude Code is connected.",
    "backup": null
  },
  {
    "message": "Claude Code is connected.",
    "backup": "/home/ana/.claude.json.maya-mcp-1"
  }
];

export const refusal: { kind: string; message: string } = {
  "kind": "no_such_session",
  "message": "Maya-8453 is not running any more."
};
