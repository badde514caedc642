import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test, vi } from "vitest";
import App from "../src/App.svelte";
import { askingView, crashedView, demoEvent, demoPreview, demoView, quietView, waitingView } from "../src/host/demo";
import { FakeHost } from "../src/host/fake";
import type { View } from "../src/host/types";

let opened: object | null = null;

afterEach(async () => {
  if (opened) await unmount(opened);
  opened = null;
});

async function open(host: FakeHost): Promise<void> {
  opened = mount(App, { target: document.body, props: { host } });
  flushSync();
  await seen('[data-testid="start-at-login"]');
}

function find(selector: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(selector);
}

function part(testid: string): HTMLElement {
  const element = find(`[data-testid="${testid}"]`);
  if (!element) throw new Error(`the window shows no ${testid}`);
  return element;
}

function seen(selector: string): Promise<HTMLElement> {
  return vi.waitUntil(() => find(selector), { interval: 1 });
}

/** Lets every promise that is settled by now be acted upon. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function radio(session: string): HTMLInputElement {
  return part(`session-${session}`).querySelector("input") as HTMLInputElement;
}

test("the window shows what the shell says, and nothing of its own", async () => {
  await open(new FakeHost());
  expect(part("phase-maya-9377").textContent, "the phase").toBe("Waiting for you to choose Allow All in Maya");
  expect(part("session-maya-9120").textContent, "the scene").toContain("heron_rig_v031.mb");
  expect(part("session-maya-9377").textContent, "no scene while none is known").not.toContain("Untitled");
  expect(part("session-maya-8453").title, "the path").toContain("/projects/heron/shots/010/shot_010_anim_v014.ma");
  expect(radio("maya-8453").checked, "the choice").toBe(true);
  expect(find('[data-testid="problem"]'), "no problem").toBeNull();
});

test("without a Maya the window says what to do", async () => {
  await open(new FakeHost(quietView()));
  expect(part("empty").textContent, "the words").toContain("Start Maya and it appears here by itself.");
});

test("with one Maya and no choice, the window says that it is used", async () => {
  const view = quietView();
  view.sessions = demoView().sessions.slice(1, 2);
  await open(new FakeHost(view));
  expect(part("session-none").textContent, "the words").toContain("Clients use the only Maya that is running");
  expect(radio("none").checked, "the choice").toBe(true);
});

test("a session can be chosen, and the choice be given up", async () => {
  const host = new FakeHost();
  await open(host);
  radio("maya-9120").click();
  await seen('[data-testid="session-maya-9120"][data-chosen="true"]');
  radio("none").click();
  await seen('[data-testid="session-none"][data-chosen="true"]');
  expect(host.asked.slice(2), "what was asked").toEqual(["chooseSession maya-9120", "chooseSession null"]);
  expect(radio("none").checked, "the choice").toBe(true);
});

test("a choice that the shell has not confirmed is not shown as made", async () => {
  const host = new FakeHost();
  await open(host);
  const release = host.hold("chooseSession");
  radio("maya-9120").click();
  await seen('[data-testid="session-maya-9120"][aria-busy="true"]');
  expect([radio("maya-8453").checked, radio("maya-9120").checked], "the choice").toEqual([true, false]);
  release();
  await seen('[data-testid="session-maya-9120"][data-chosen="true"]');
});

test("a preview shows the changed lines before anything is written", async () => {
  const host = new FakeHost();
  await open(host);
  part("connect-claude-code").click();
  await seen('[data-testid="preview-dialog"]');
  expect(part("diff").querySelectorAll("ins").length, "added lines").toBe(5);
  expect(host.asked.at(-1), "nothing is written").toBe("previewClient claude-code");
  part("preview-cancel").click();
  await vi.waitUntil(() => !find('[data-testid="preview-dialog"]'), { interval: 1 });
  expect(host.asked.at(-1), "nothing was written").toBe("previewClient claude-code");
});

test("a new settings file is announced as one", async () => {
  const host = new FakeHost();
  const client = demoView().clients[1];
  if (!client) throw new Error("the demo has clients");
  host.setPreview({ ...demoPreview(client), creates_file: true, before: "" });
  await open(host);
  part("connect-claude-code").click();
  const dialog = await seen('[data-testid="preview-dialog"]');
  expect(dialog.textContent, "the words").toContain("This makes a new settings file:");
  expect(part("diff").querySelectorAll("del").length, "removed lines").toBe(0);
});

test("connecting twice in a row asks once", async () => {
  const host = new FakeHost();
  await open(host);
  part("connect-claude-code").click();
  await seen('[data-testid="preview-dialog"]');
  const release = host.hold("connectClient");
  part("preview-confirm").click();
  part("preview-confirm").click();
  release();
  const outcome = await seen('[data-testid="outcome-claude-code"]');
  expect(outcome.textContent, "the outcome").toContain("Claude Code is connected. Start it again to use Maya.");
  expect(outcome.textContent, "the backup").toContain("~/.claude.json.backup");
  expect(
    host.asked.filter((each) => each.startsWith("connectClient")),
    "the calls",
  ).toHaveLength(1);
});

test("an outcome that is no longer true is no longer shown", async () => {
  const host = new FakeHost();
  await open(host);
  part("disconnect-claude-desktop").click();
  await seen('[data-testid="outcome-claude-desktop"]');
  host.change((view) => {
    for (const client of view.clients) client.state = "connected";
  });
  await vi.waitUntil(() => !find('[data-testid="outcome-claude-desktop"]'), { interval: 1 });
});

test("a failed copy says why, and a second one that it worked", async () => {
  const host = new FakeHost();
  host.refuse("copyConfig", "clipboard", "The clipboard is in use. Try again.");
  await open(host);
  part("copy-config").click();
  await vi.waitUntil(() => document.body.textContent?.includes("The clipboard is in use. Try again."), { interval: 1 });
  part("copy-config").click();
  expect((await seen('[data-testid="copied"]')).textContent, "the words").toContain("Copied.");
});

test("a view that cannot be read can be asked for again", async () => {
  const host = new FakeHost();
  host.refuse("view", "internal", "The engine is not answering.");
  opened = mount(App, { target: document.body, props: { host } });
  await vi.waitUntil(() => document.body.textContent?.includes("The engine is not answering."), { interval: 1 });
  [...document.querySelectorAll("button")].find((button) => button.textContent?.includes("Try again"))?.click();
  await seen('[data-testid="session-maya-8453"]');
});

test("a view sent while the first is being read is not overwritten by it", async () => {
  const host = new FakeHost();
  let answer = () => {};
  const reading = new Promise<View>((resolve) => {
    answer = () => resolve(demoView());
  });
  const view = vi.spyOn(host, "view").mockReturnValue(reading);
  opened = mount(App, { target: document.body, props: { host } });
  flushSync();
  await vi.waitUntil(() => view.mock.calls.length > 0, { interval: 1 });
  host.change((next) => {
    next.problem = "Sent meanwhile.";
  });
  await seen('[data-testid="problem"]');
  answer();
  await turn();
  flushSync();
  expect(part("problem").textContent, "the newer view stays").toContain("Sent meanwhile.");
});

test("a Maya that waits for the person is connected by one press", async () => {
  const host = new FakeHost(waitingView());
  await open(host);
  const button = part("connect-maya-8453");
  expect(button.textContent?.trim(), "the word").toBe("Connect");
  expect(part("connect-maya-9120").textContent?.trim(), "after a refusal").toBe("Connect again");
  expect(find('[data-testid="connect-maya-9377"]'), "connecting makes no difference there").toBeNull();
  button.focus();
  button.click();
  await vi.waitUntil(() => !find('[data-testid="connect-maya-8453"]'), { interval: 1 });
  await turn();
  expect(host.asked.at(-1), "what was asked").toBe("connectSession maya-8453");
  expect(document.activeElement, "the focus stays in the row").toBe(radio("maya-8453"));
});

test("a refused connection says why in its row", async () => {
  const host = new FakeHost(waitingView());
  host.refuse("connectSession", "command", "There is no such session any more.");
  await open(host);
  part("connect-maya-8453").click();
  const failure = await seen('[data-testid="failure-maya-8453"]');
  expect(failure.textContent, "the words").toContain("There is no such session any more.");
});

test("the line for the Script Editor is shown as it is, and copied by the shell", async () => {
  const host = new FakeHost(waitingView());
  await open(host);
  expect(part("line-maya-9377").textContent?.trim(), "the line").toBe('commandPort -name "127.0.0.1:7387";');
  part("copy-line-maya-9377").click();
  await vi.waitUntil(() => part("copy-line-maya-9377").textContent?.includes("Copied"), { interval: 1 });
  expect(host.asked.at(-1), "what was asked").toBe("copyLine maya-9377");
  host.change((view) => {
    for (const session of view.sessions) if (session.line) session.line = 'commandPort -name "127.0.0.1:7388";';
  });
  await vi.waitUntil(() => !part("copy-line-maya-9377").textContent?.includes("Copied"), { interval: 1 });
});

test("beside the line, its version is made to connect by itself", async () => {
  const host = new FakeHost(waitingView());
  await open(host);
  part("start-up-from-maya-9377").click();
  const dialog = await seen('[data-testid="start-up-dialog"]');
  expect(dialog.textContent, "what it does").toContain("no question, no command port");
  expect(part("start-up-block").textContent, "what will be written").toContain("start_up");
  part("start-up-confirm").click();
  const outcome = await seen('[data-testid="line-outcome-maya-9377"]');
  expect(outcome.textContent, "when it begins").toContain("from its next start on");
  expect(find('[data-testid="start-up-from-maya-9377"]'), "there is no more to do").toBeNull();
  expect(part("start-up-2024").dataset.state, "the same in the list").toBe("on");
});

test("a version is turned on after its lines were seen, and off at once", async () => {
  const host = new FakeHost(waitingView());
  await open(host);
  part("start-up-switch-2024").click();
  await seen('[data-testid="start-up-dialog"]');
  expect(host.asked.at(-1), "nothing is written").toBe("previewStartUp 2024");
  part("start-up-cancel").click();
  await vi.waitUntil(() => !find('[data-testid="start-up-dialog"]'), { interval: 1 });
  expect(part("start-up-2024").dataset.state, "nothing was written").toBe("off");
  part("start-up-switch-2026").click();
  await seen('[data-testid="start-up-2026"][data-state="off"]');
  expect(host.asked.at(-1), "without a question").toBe("turnStartUp 2026 false");
});

test("what a version's start-up file says is never hidden", async () => {
  await open(new FakeHost(waitingView()));
  expect(part("start-up-2023").textContent, "the reason").toContain("read-only");
  expect(find('[data-testid="start-up-switch-2023"]'), "what cannot be read is not switched").toBeNull();
  part("start-up-update-2025").click();
  const dialog = await seen('[data-testid="start-up-dialog"]');
  expect(dialog.textContent, "what will happen").toContain("take the place of earlier ones");
  expect(part("start-up-confirm").textContent?.trim(), "the word").toBe("Update");
});

test("a start-up file that cannot be written keeps the dialog open with the reason", async () => {
  const host = new FakeHost(waitingView());
  host.refuse("turnStartUp", "start_up", "The start-up file is read-only. Make it writable, then try again.");
  await open(host);
  part("start-up-switch-2024").click();
  await seen('[data-testid="start-up-dialog"]');
  part("start-up-confirm").click();
  const failure = await seen('[data-testid="start-up-failure"]');
  expect(failure.textContent, "the words").toContain("read-only");
});

test("what happens when a Maya is found follows the shell", async () => {
  const host = new FakeHost();
  await open(host);
  const checked = () => document.querySelector<HTMLInputElement>('input[name="connect"]:checked')?.value;
  expect(checked(), "at first").toBe("ask");
  host.refuse("setConnect", "settings", "The settings cannot be written. Free some space on the disk.");
  part("connect-choice-auto").querySelector("input")?.click();
  await seen('[data-testid="connect-failure"]');
  expect(checked(), "a refused choice is not shown as made").toBe("ask");
  part("connect-choice-manual").querySelector("input")?.click();
  await seen('[data-testid="connect-choice-manual"][data-chosen="true"]');
  expect(checked(), "a confirmed one is").toBe("manual");
  expect(find('[data-testid="connect-failure"]'), "and the failure is gone").toBeNull();
});

test("a crash is on top, with what it left, and goes when it was seen to", async () => {
  const host = new FakeHost(crashedView());
  await open(host);
  const card = part("crash-maya-8453");
  expect(card.textContent, "what happened").toContain("Maya 2025 closed unexpectedly");
  expect(card.textContent, "to what").toContain("4 min ago: maya-8453, shot_010_anim_v014.ma");
  expect(card.textContent, "what it left").toContain("/tmp/shot_010_anim_v014.20260302.1158.ma");
  expect(find('[data-testid="crash-maya-9377-open_scene"]'), "nothing to be opened").toBeNull();
  part("crash-maya-8453-open_scene").click();
  await seen('[data-testid="crash-outcome-maya-8453"]');
  host.refuse("afterCrash", "refused", "The recovered scene is not where Maya left it.");
  part("crash-maya-8453-show_folder").click();
  const failure = await seen('[data-testid="crash-failure-maya-8453"]');
  expect(failure.textContent, "why not").toContain("not where Maya left it");
  expect(find('[data-testid="crash-outcome-maya-8453"]'), "one answer at a time").toBeNull();
  part("crash-maya-8453-dismiss").focus();
  part("crash-maya-8453-dismiss").click();
  await vi.waitUntil(() => !find('[data-testid="crash-maya-8453"]'), { interval: 1 });
  await turn();
  expect(document.activeElement, "the focus is on the next").toBe(part("crash-maya-9377"));
});

function listed(): string[] {
  return [...(find('[data-testid="events"]')?.children ?? [])].map((row) => (row as HTMLElement).dataset.testid ?? "");
}

test("what happens is shown as it happens, the newest first and each once", async () => {
  const host = new FakeHost(demoView(), [demoEvent(1, "appeared", "maya-1", "Maya 2025 is running")]);
  await open(host);
  await seen('[data-testid="event-1"]');
  const crash = demoEvent(4, "crashed", "maya-1", "Maya 2025 closed unexpectedly");
  host.happen(demoEvent(1, "appeared", "maya-1", "Maya 2025 is running"), crash);
  host.happen(demoEvent(3, "ready", "maya-2", "Maya 2026 is ready"));
  await seen('[data-testid="event-4"]');
  flushSync();
  expect(listed(), "all").toEqual(["event-4", "event-3", "event-1"]);
  pick("events-filter", "crashed");
  flushSync();
  expect(listed(), "the crash").toEqual(["event-4"]);
  pick("events-filter", "maya-2");
  flushSync();
  expect(listed(), "one session's").toEqual(["event-3"]);
});

test("an event that comes while the first are read is there too", async () => {
  const host = new FakeHost(demoView(), []);
  const release = host.hold("events");
  await open(host);
  await vi.waitUntil(() => host.asked.includes("events"), { interval: 1 });
  host.happen(demoEvent(2, "ready", "maya-1", "Maya 2025 is ready"));
  release();
  await seen('[data-testid="event-2"]');
});

test("the last hundred events are shown, of whatever is chosen", async () => {
  const many = Array.from({ length: 300 }, (_, index) => demoEvent(index + 1, "busy", "maya-1", "Maya 2025 is busy"));
  const host = new FakeHost(demoView(), [demoEvent(0, "crashed", "maya-1", "Maya 2025 closed unexpectedly"), ...many]);
  await open(host);
  await seen('[data-testid="event-300"]');
  expect(listed().length, "no more").toBe(100);
  pick("events-filter", "crashed");
  flushSync();
  expect(listed(), "also what is far back").toEqual(["event-0"]);
});

test("what is told, and when not, follows the shell", async () => {
  const host = new FakeHost();
  await open(host);
  host.refuse("setNoticesAbout", "settings", "The settings cannot be written.");
  part("notices-about-crashed").click();
  await seen('[data-testid="notices-about-crashed-failure"]');
  expect(part("notices-about-crashed").getAttribute("aria-checked"), "refused, it stays").toBe("true");
  part("notices-about-crashed").click();
  await seen('[data-testid="notices-about-crashed"][aria-checked="false"]');
  part("quiet-hours").click();
  const from = (await seen('[data-testid="quiet-from"]')) as HTMLInputElement;
  expect(from.value, "the evening").toBe("22:00");
  from.value = "";
  from.dispatchEvent(new Event("change", { bubbles: true }));
  await seen('[data-testid="quiet-hours-failure"]');
  expect(from.value, "no time is none").toBe("22:00");
  from.value = "20:30";
  from.dispatchEvent(new Event("change", { bubbles: true }));
  await vi.waitUntil(() => from.value === "20:30", { interval: 1 });
  await turn();
  part("quiet-hours").click();
  await vi.waitUntil(() => !find('[data-testid="quiet-from"]'), { interval: 1 });
  part("quiet-hours").click();
  await seen('[data-testid="quiet-from"]');
  expect(host.asked.at(-1), "the hours that were turned off").toBe("setQuietHours 20:30 07:00");
  part("quiet").click();
  await vi.waitUntil(() => part("notices").textContent?.includes("Quiet until tomorrow, 06:00"), { interval: 1 });
  part("notices-on").click();
  await vi.waitUntil(() => !find('[data-testid="quiet"]'), { interval: 1 });
});

/** An answer can be given once its card has stood still for a moment. */
async function answerable(question: number): Promise<void> {
  await seen(`[data-testid="answer-${question}-once"][aria-disabled="false"]`);
}

test("what a client asks is on top, with its code, and is answered once", async () => {
  const host = new FakeHost(askingView());
  await open(host);
  const card = part("question-41");
  expect(card.textContent, "who wants what").toContain("Claude Desktop wants to run Python code (14 lines)");
  expect(card.textContent, "where").toContain("In Maya 2025, shot_010_anim_v014.ma (maya-8453)");
  expect(card.textContent, "since when").toContain("Asked 4 min ago");
  expect(part("question-code-41").textContent, "the code as it is").toContain('cmds.ls("heron_*", type="transform")');
  part("answer-41-once").click();
  expect(host.asked, "a press that was meant for what stood there before").toEqual(["view", "events"]);
  await answerable(41);
  part("answer-41-once").focus();
  part("answer-41-once").click();
  await vi.waitUntil(() => !find('[data-testid="question-41"]'), { interval: 1 });
  await turn();
  expect(host.asked.slice(2), "what was asked").toEqual(["answerQuestion 41 once"]);
  expect(document.activeElement, "the focus is on the next card, not on an answer").toBe(part("question-43"));
  expect(part("answer-43-once").getAttribute("aria-disabled"), "which has moved under the pointer").toBe("true");
  await answerable(43);
  part("answer-43-always").click();
  await vi.waitUntil(() => !find('[data-testid="questions"]'), { interval: 1 });
  expect(part("access-cursor").dataset.value, "from now on it may").toBe("full");
});

test("a question that was settled meanwhile says so", async () => {
  const host = new FakeHost(askingView());
  host.refuse("answerQuestion", "refused", "This question is settled: it was answered before.");
  await open(host);
  await answerable(43);
  part("answer-43-no").click();
  const failure = await seen('[data-testid="question-failure-43"]');
  expect(failure.textContent, "the words").toContain("This question is settled");
});

function pick(testid: string, value: string): void {
  const select = part(testid) as HTMLSelectElement;
  select.value = value;
  select.dispatchEvent(new Event("change", { bubbles: true }));
}

function picked(testid: string): string {
  return (part(testid) as HTMLSelectElement).value;
}

test("a client's own rule is set, and taken back", async () => {
  const host = new FakeHost();
  await open(host);
  expect(picked("access-claude-desktop"), "no rule of its own").toBe("");
  expect(find('[data-testid="access-claude-code"]'), "what is not connected is asked nothing").toBeNull();
  host.refuse("setAccess", "not_running", "The engine is not running.");
  pick("access-claude-desktop", "ask");
  await seen('[data-testid="failure-claude-desktop"]');
  expect(picked("access-claude-desktop"), "a refused rule is not shown as made").toBe("");
  pick("access-claude-desktop", "look_only");
  await seen('[data-testid="access-claude-desktop"][data-value="look_only"]');
  pick("access-claude-desktop", "");
  await seen('[data-testid="access-claude-desktop"][data-value=""]');
  expect(host.asked.slice(3), "what was asked").toEqual([
    "setAccess claude-desktop null look_only",
    "setAccess claude-desktop null null",
  ]);
});

test("a Maya has a rule for everyone, and exceptions from it", async () => {
  const host = new FakeHost(askingView());
  await open(host);
  expect(picked("access-maya-9120"), "for everyone there").toBe("look_only");
  expect(picked("access-maya-9120-cursor"), "but for one").toBe("ask");
  pick("access-maya-9120-cursor", "");
  await vi.waitUntil(() => !find('[data-testid="access-maya-9120-cursor"]'), { interval: 1 });
  pick("access-maya-8453", "ask");
  await seen('[data-testid="access-maya-8453"][data-value="ask"]');
  expect(host.asked.slice(2), "what was asked").toEqual([
    "setAccess cursor maya-9120 null",
    "setAccess null maya-8453 ask",
  ]);
});

test("a client that is none of the known programs has a rule and nothing to connect", async () => {
  await open(new FakeHost(askingView()));
  expect(part("client-other").textContent, "what it is").toContain("Another client");
  expect(picked("access-other"), "its rule").toBe("look_only");
  expect(find('[data-testid="connect-other"]'), "its settings are not known").toBeNull();
});

test("what clients may do where there is no rule follows the shell", async () => {
  const host = new FakeHost();
  await open(host);
  part("access-choice-ask").querySelector("input")?.click();
  await seen('[data-testid="access-choice-ask"][data-chosen="true"]');
  expect(host.asked.at(-1), "what was asked").toBe("setAccess null null ask");
  expect(part("access-claude-desktop").textContent, "the clients' rows say so").toContain("Default: Ask me");
});

async function openAddForm(host: FakeHost, values: { host?: string; port: string }): Promise<void> {
  await open(host);
  part("add-session").click();
  await seen('[data-testid="add-form"]');
  if (values.host) type("add-host", values.host);
  type("add-port", values.port);
}

function type(testid: string, text: string): void {
  const input = part(testid) as HTMLInputElement;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

function submit(): void {
  part("add-form").dispatchEvent(new Event("submit", { cancelable: true }));
}

test("a Maya is added by its port and taken off the list again", async () => {
  const host = new FakeHost();
  await openAddForm(host, { port: "7001" });
  submit();
  await seen('[data-testid="session-maya-127.0.0.1:7001"]');
  expect(host.asked.at(-1), "what was asked").toBe("addSession 127.0.0.1 7001");
  await vi.waitUntil(() => !find('[data-testid="add-form"]'), { interval: 1 });
  await turn();
  expect(document.activeElement, "the focus is where the form was opened").toBe(part("add-session"));
  part("remove-maya-127.0.0.1:7001").click();
  await vi.waitUntil(() => !find('[data-testid="session-maya-127.0.0.1:7001"]'), { interval: 1 });
});

test.each([
  ["seven", "A port is a number from 1 to 65535."],
  ["7001", "The Maya at port 7001 is listed already, as maya-8453."],
])("a port %o that cannot be added says why below the form", async (port, reason) => {
  const host = new FakeHost();
  host.refuse("addSession", "add", reason);
  await openAddForm(host, { port });
  submit();
  const error = await seen('[data-testid="add-error"]');
  expect(error.textContent, "the words").toContain(reason);
  expect(part("add-port").getAttribute("aria-invalid"), "the field is marked").toBe("true");
  type("add-port", "7002");
  await vi.waitUntil(() => !find('[data-testid="add-error"]'), { interval: 1 });
});

test("a Maya on another machine is added only after the warning was read", async () => {
  const host = new FakeHost();
  await openAddForm(host, { host: "10.0.0.5", port: "7001" });
  submit();
  const warning = await seen('[data-testid="add-warning"]');
  expect(warning.textContent, "the words").toContain("no authentication and no encryption");
  expect(host.asked.at(-1), "nothing is added").toBe("remoteWarning 10.0.0.5");
  type("add-host", "10.0.0.6");
  await vi.waitUntil(() => !find('[data-testid="add-warning"]'), { interval: 1 });
  submit();
  await seen('[data-testid="add-warning"]');
  submit();
  await seen('[data-testid="session-maya-10.0.0.6:7001"]');
  const added = host.asked.filter((each) => each.startsWith("addSession"));
  expect(added, "only what was confirmed").toEqual(["addSession 10.0.0.6 7001"]);
});
