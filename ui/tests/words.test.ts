import { expect, test } from "vitest";
import {
  askingView,
  crashedView,
  demoAdded,
  demoCrash,
  demoEvents,
  demoSession,
  demoView,
  quietView,
} from "../src/host/demo";
import type { CrashView, View } from "../src/host/types";
import {
  askedText,
  changeText,
  crashText,
  elapsedText,
  endpointText,
  eventOptions,
  eventTime,
  heardChanges,
  isWanted,
  portOf,
  sceneText,
  sessionDetails,
  sessionOptions,
  timeOf,
  untilText,
} from "../src/words";

const now = Date.parse("2026-03-02T12:00:00Z");

test.each([
  ["2026-03-02T11:59:01Z", null],
  ["2026-03-02T11:58:59Z", "1 min"],
  ["2026-03-02T11:00:30Z", "59 min"],
  ["2026-03-02T09:30:00Z", "2 h 30 min"],
  ["2026-02-28T09:30:00Z", "more than a day"],
  ["2026-03-02T12:05:00Z", null],
  ["not a time", null],
])("a state since %s has lasted %s", (since, expected) => {
  expect(elapsedText(since, now), "the words").toBe(expected);
});

test.each([
  ["2026-03-02T11:59:30Z", "Asked just now"],
  ["2026-03-02T11:48:30Z", "Asked 11 min ago"],
])("a question since %s is %o", (since, expected) => {
  expect(askedText(since, now), "the words").toBe(expected);
});

test.each<[string, Partial<CrashView>, string]>([
  ["2026-03-02T11:59:30Z", { scene_name: "a.ma" }, "Just now: maya-1, a.ma"],
  ["2026-03-02T11:48:30Z", {}, "11 min ago: maya-1"],
  ["2026-02-27T11:48:30Z", {}, "More than a day ago: maya-1"],
])("a crash at %s with %o is %o", (at, rest, expected) => {
  expect(crashText(demoCrash(1, { ...rest, at }), now), "the words").toBe(expected);
});

test.each([
  ["22:00", "22:00"],
  ["22:00:00", "22:00"],
  [" 7:05 ", "07:05"],
  ["24:00", null],
  ["7:5", null],
  ["22:00:30", null],
  ["", null],
])("the time %o is read as %o", (text, expected) => {
  expect(timeOf(text), "the time").toBe(expected);
});

test("the end of the quiet is told by the day and the hour", () => {
  const at = (days: number) => new Date(2026, 2, 2 + days, 6).toISOString();
  const night = new Date(2026, 2, 2, 1).getTime();
  expect(untilText(at(0), night), "the same day").toBe("today, 06:00");
  expect(untilText(at(1), night), "the next one").toBe("tomorrow, 06:00");
  expect(untilText(at(9), night), "a later one").toMatch(/2026.*, 06:00$/);
});

test("what happened before today is told with its day", () => {
  const at = (hour: number) => new Date(2026, 2, 2, hour, 5).toISOString();
  expect(eventTime(at(9), new Date(2026, 2, 2, 12).getTime()), "today").toBe("09:05");
  expect(eventTime(at(9), new Date(2026, 2, 3, 12).getTime()), "yesterday").toMatch(/2.*09:05$/);
});

test("events are chosen by crash and by session, the latest session first", () => {
  const events = demoEvents();
  const values = eventOptions(events).map((option) => option.value);
  expect(values, "the choices").toEqual(["", "crashed", "maya-9377", "maya-9120", "maya-8453", "maya-7712"]);
  const wanted = (value: string) => events.filter((event) => isWanted(event, value)).map((event) => event.seq);
  expect(wanted("").length, "all").toBe(events.length);
  expect(wanted("crashed"), "the crash").toEqual([1002]);
  expect(wanted("maya-9377"), "one session's").toEqual([1008, 1009]);
});

test("that a Maya allows everything is offered only where it was set", () => {
  const values = (current: "full" | "ask" | null) => sessionOptions(current).map((option) => option.value);
  expect(values(null), "a session makes stricter").toEqual(["", "ask", "look_only"]);
  expect(values("full"), "what is set is shown").toEqual(["", "full", "ask", "look_only"]);
});

test("the endpoint is shown as the part that people need", () => {
  expect(endpointText("http://127.0.0.1:6292/mcp"), "host and port").toBe("127.0.0.1:6292");
});

test("a scene without a name is an untitled scene", () => {
  const session = demoSession(1, "ready", "Ready", { maya_version: null });
  expect(sceneText(session), "the name").toBe("Untitled scene");
  expect(sessionDetails(session), "the tooltip").toBe("This scene has not been saved yet.\nPython 3.11.4, process 1");
});

test("a Maya that has not said what is open in it has no untitled scene", () => {
  const session = demoSession(1, "awaiting_connect", "Found", { python_version: null });
  expect(sceneText(session), "the name").toBeNull();
  expect(sessionDetails(session), "the tooltip").toBe("Maya 2025.3, process 1");
  expect(sessionDetails(demoAdded("10.0.0.5", 7001)), "nothing is known of one added by hand").toBe("");
});

test.each([
  ["7001", 7001],
  [" 65535 ", 65_535],
  ["0", null],
  ["65536", null],
  ["7001;", null],
  ["1e3", null],
  ["", null],
])("the port %o is read as %o", (text, expected) => {
  expect(portOf(text), "the number").toBe(expected);
});

test.each([
  [{ added: 1, removed: 0 }, "1 line added"],
  [{ added: 4, removed: 2 }, "4 lines added, 2 lines removed"],
  [{ added: 0, removed: 0 }, "The file already says this. Nothing in it changes"],
])("the change %o is put in words", (change, expected) => {
  expect(changeText(change), "the words").toBe(expected);
});

const edits: { name: string; edit: (view: View) => void; expected: string[] }[] = [
  { name: "nothing is heard when nothing changed", edit: () => {}, expected: [] },
  {
    name: "a new session is heard with its phase",
    edit: (view) => view.sessions.push(demoSession(5, "discovered", "Just found")),
    expected: ["Maya 2026, maya-5: Just found."],
  },
  {
    name: "a sentence that ends by itself gets no second full stop",
    edit: (view) => view.sessions.push(demoSession(5, "unreachable", "Start Maya again.")),
    expected: ["Maya 2026, maya-5: Start Maya again."],
  },
  {
    name: "a session with nothing known of its scene is heard by its name",
    edit: (view) => view.sessions.push(demoAdded("10.0.0.5", 7001)),
    expected: [
      "Maya, maya-10.0.0.5:7001: Running, not reachable: no answer yet at 10.0.0.5:7001. If Maya is busy or shows a dialog, it connects by itself afterwards.",
    ],
  },
  {
    name: "a closed session is heard, and that its choice is gone",
    edit: (view) => view.sessions.shift(),
    expected: ["Maya 2025, shot_010_anim_v014.ma: closed.", "Clients ask which Maya you mean."],
  },
  {
    name: "another choice is heard",
    edit: (view) => {
      for (const session of view.sessions) session.in_use = session.pid === 9120;
    },
    expected: ["Clients now use Maya 2025, heron_rig_v031.mb."],
  },
  {
    name: "a client that was connected elsewhere is heard",
    edit: (view) => {
      for (const client of view.clients) if (client.client === "claude-code") client.state = "connected";
    },
    expected: ["Claude Code: Connected."],
  },
  {
    name: "what a client asks is heard, with the next step",
    edit: (view) => view.questions.push(...askingView().questions.slice(1)),
    expected: ["Cursor wants to run MEL (1 line) in Maya 2025. Allow or deny it at the top."],
  },
  {
    name: "a crash is heard once, with what it left and where that is",
    edit: (view) => {
      view.sessions.shift();
      view.crashes = crashedView().crashes.slice(0, 1);
    },
    expected: [
      "Maya 2025 closed unexpectedly. A recovered scene is ready to open, at the top.",
      "Clients ask which Maya you mean.",
    ],
  },
  {
    name: "a problem is heard",
    edit: (view) => {
      view.problem = "Port 6292 is taken.";
    },
    expected: ["Port 6292 is taken."],
  },
];

test.each(edits)("$name", ({ edit, expected }) => {
  const after = demoView();
  edit(after);
  const before = demoView();
  expect(heardChanges(before, after), "the sentences").toEqual(expected);
});

test("the end of a problem is heard", () => {
  expect(heardChanges({ ...quietView(), problem: "Taken." }, quietView()), "the sentence").toEqual([
    "The problem is solved.",
  ]);
});
