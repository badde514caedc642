/** How the window looks and whom it serves: light, dark, every state, and nothing for axe to find. */
import axe from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoView, openStage, type Stage, shoot, shots } from "./page";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage.close();
  console.info(`Screenshots: ${shots}`);
});

const states: { name: string; view: DemoView; prepare?: (page: Page) => Promise<void> }[] = [
  { name: "sessions", view: "demo" },
  { name: "questions", view: "asking" },
  { name: "question-settled", view: "asking", prepare: answerTooLate },
  { name: "access", view: "asking", prepare: scrollToAccess },
  { name: "crashed", view: "crashed" },
  { name: "crash-failure", view: "crashed", prepare: openGoneScene },
  { name: "events", view: "demo", prepare: scrollTo("events") },
  { name: "notices", view: "crashed", prepare: scrollTo("notices") },
  { name: "notices-failure", view: "crashed", prepare: refuseQuietHours },
  { name: "notices-off", view: "crashed", prepare: turnNoticesOff },
  { name: "empty", view: "quiet" },
  { name: "trouble", view: "troubled" },
  { name: "preview", view: "demo", prepare: openPreview },
  { name: "outcomes", view: "demo", prepare: connectAndFail },
  { name: "waiting", view: "waiting" },
  { name: "line-copied", view: "waiting", prepare: copyLine },
  { name: "start-up", view: "waiting", prepare: openStartUp },
  { name: "add-error", view: "waiting", prepare: addTwice },
  { name: "add-remote", view: "waiting", prepare: addRemote },
  { name: "settings", view: "waiting", prepare: scrollDown },
  { name: "settings-empty", view: "quiet", prepare: scrollDown },
];

async function openPreview(page: Page) {
  await page.getByTestId("connect-vscode").click();
  await page.getByTestId("preview-dialog").waitFor();
}

async function connectAndFail(page: Page) {
  await page.getByTestId("connect-claude-code").click();
  await page.getByTestId("preview-confirm").click();
  await page.getByTestId("outcome-claude-code").waitFor();
  await page.evaluate(() =>
    window.fakeHost?.refuse(
      "previewClient",
      "io",
      "~/.cursor/mcp.json is read-only. Make it writable, then try again.",
    ),
  );
  await page.getByTestId("connect-cursor").click();
  await page.getByTestId("failure-cursor").waitFor();
  await page.getByTestId("copy-config").click();
  await page.getByTestId("copied").waitFor();
}

async function answerTooLate(page: Page) {
  const words = "This question is settled: it was answered before, or nobody waits for the answer any more.";
  await page.evaluate((text) => window.fakeHost?.refuse("answerQuestion", "refused", text), words);
  await page.getByTestId("answer-43-always").click();
  await page.getByTestId("question-failure-43").waitFor();
}

async function scrollToAccess(page: Page) {
  await page.getByTestId("client-claude-desktop").evaluate((row) => row.scrollIntoView());
}

async function openGoneScene(page: Page) {
  const words = "The recovered scene is not where Maya left it: /tmp/shot_010_anim_v014.20260302.1158.ma.";
  await page.getByTestId("crash-maya-8453-open_scene").click();
  await page.getByTestId("crash-outcome-maya-8453").waitFor();
  await page.evaluate((text) => window.fakeHost?.refuse("afterCrash", "refused", text), words);
  await page.getByTestId("crash-maya-8453-show_folder").click();
  await page.getByTestId("crash-failure-maya-8453").waitFor();
}

function scrollTo(part: string) {
  return (page: Page) => page.getByTestId(part).evaluate((element) => element.scrollIntoView());
}

async function refuseQuietHours(page: Page) {
  await page.evaluate(() => window.fakeHost?.refuse("setQuietHours", "settings", "The settings cannot be written."));
  await page.getByTestId("quiet-from").fill("21:15");
  await page.getByTestId("quiet-from").blur();
  await page.getByTestId("quiet-hours-failure").waitFor();
}

async function turnNoticesOff(page: Page) {
  await page.getByTestId("notices-on").click();
  await page.getByTestId("quiet-hours").waitFor({ state: "detached" });
}

async function copyLine(page: Page) {
  await page.getByTestId("copy-line-maya-9377").click();
  await page.getByText("Copied", { exact: true }).waitFor();
}

async function openStartUp(page: Page) {
  await page.getByTestId("start-up-from-maya-9377").click();
  await page.getByTestId("start-up-dialog").waitFor();
}

async function openAdd(page: Page, host: string) {
  await page.getByTestId("add-session").click();
  await page.getByTestId("add-host").fill(host);
  await page.getByTestId("add-port").fill("7001");
  await page.keyboard.press("Enter");
}

async function addTwice(page: Page) {
  const words = "The Maya at port 7001 is listed already, as maya-8453.";
  await page.evaluate((text) => window.fakeHost?.refuse("addSession", "add", text), words);
  await openAdd(page, "127.0.0.1");
  await page.getByTestId("add-error").waitFor();
}

async function addRemote(page: Page) {
  await openAdd(page, "10.0.0.6");
  await page.getByTestId("add-warning").waitFor();
  await page.getByTestId("add-anyway").scrollIntoViewIfNeeded();
}

async function scrollDown(page: Page) {
  await page.locator("main").evaluate((main) => main.scrollTo(0, main.scrollHeight));
}

for (const { name, view, prepare } of states) {
  for (const colorScheme of ["light", "dark"] as const) {
    test(`${name}, ${colorScheme}: axe finds nothing, and nothing is wider than the window`, async () => {
      const { page, complaints, close } = await stage.open(view, { colorScheme });
      await prepare?.(page);
      await shoot(page, `${name}-${colorScheme}`);
      expect(await findings(page), "what axe finds").toEqual([]);
      expect(await overflow(page), "pixels beyond the right edge").toBe(0);
      expect(complaints, "what the browser complained about").toEqual([]);
      await close();
    });
  }
}

test.each([
  [360, 420],
  [900, 700],
])("the window still works at %i by %i", async (width, height) => {
  const { page, close } = await stage.open("demo", { viewport: { width, height } });
  await shoot(page, `sessions-${width}x${height}`);
  expect(await overflow(page), "pixels beyond the right edge").toBe(0);
  await openPreview(page);
  await shoot(page, `preview-${width}x${height}`);
  expect(await page.getByTestId("preview-confirm").isVisible(), "the confirm button has room").toBe(true);
  await close();
});

test.each([
  [360, 420],
  [900, 700],
])("what a Maya needs is in reach at %i by %i", async (width, height) => {
  const { page, close } = await stage.open("waiting", { viewport: { width, height } });
  await addRemote(page);
  await shoot(page, `add-remote-${width}x${height}`);
  expect(await overflow(page), "pixels beyond the right edge").toBe(0);
  await openStartUp(page);
  await shoot(page, `start-up-${width}x${height}`);
  expect(await page.getByTestId("start-up-confirm").isVisible(), "the confirm button has room").toBe(true);
  await close();
});

test.each([
  [360, 420],
  [900, 700],
])("what a client asks can be read and answered at %i by %i", async (width, height) => {
  const { page, close } = await stage.open("asking", { viewport: { width, height } });
  await shoot(page, `questions-${width}x${height}`);
  expect(await overflow(page), "pixels beyond the right edge").toBe(0);
  expect(await page.getByTestId("answer-41-no").isVisible(), "every answer has room").toBe(true);
  await scrollToAccess(page);
  await shoot(page, `access-${width}x${height}`);
  await close();
});

test.each([
  [360, 420],
  [900, 700],
])("a crash, what happened and the notices have room at %i by %i", async (width, height) => {
  const { page, close } = await stage.open("crashed", { viewport: { width, height } });
  await shoot(page, `crashed-${width}x${height}`);
  for (const step of ["open_scene", "show_folder", "dismiss"]) {
    const button = page.getByTestId(`crash-maya-8453-${step}`);
    expect(await button.isVisible(), `${step} has room`).toBe(true);
  }
  for (const part of ["events", "notices"]) {
    await scrollTo(part)(page);
    await shoot(page, `${part}-${width}x${height}`);
  }
  expect(await overflow(page), "pixels beyond the right edge").toBe(0);
  await close();
});

test("everything comes from the window's own files, under the shell's policy", async () => {
  const { page, requests, complaints, close } = await stage.open("demo");
  await openPreview(page);
  expect(
    requests.filter((url) => !url.startsWith(stage.origin)),
    "addresses elsewhere",
  ).toEqual([]);
  expect(await page.locator("[style], style").count(), "inline styles").toBe(0);
  expect(complaints, "refusals by the policy").toEqual([]);
  await close();
});

/** Evaluated as source, because the policy rightly refuses an injected script element. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const result = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
  return result.violations.flatMap((each) => each.nodes.map((node) => `${each.id}: ${node.html}`));
}

function overflow(page: Page): Promise<number> {
  return page.evaluate(() => {
    const scrolled = ["main", "dialog[open]"].map((selector) => document.querySelector(selector));
    return Math.max(...scrolled.map((each) => (each ? each.scrollWidth - each.clientWidth : 0)));
  });
}
