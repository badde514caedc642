import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test, vi } from "vitest";
import App from "../src/App.svelte";
import { demoPreview, demoView, quietView } from "../src/host/demo";
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
  expect(part("session-maya-9377").textContent, "the scene").toContain("Untitled scene");
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
  expect(host.asked.slice(1), "what was asked").toEqual(["chooseSession maya-9120", "chooseSession null"]);
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
