/** What happens when a person presses something, over the built window and a scripted shell. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DemoView, type Opened, openStage, type Stage, shoot } from "./page";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage.close();
});

/** A test over a freshly opened window. */
function story(sentence: string, tell: (page: Page, opened: Opened) => Promise<void>, view: DemoView = "demo") {
  test(sentence, async () => {
    const opened = await stage.open(view);
    await tell(opened.page, opened);
    expect(opened.complaints, "what the browser complained about").toEqual([]);
    await opened.close();
  });
}

story("a choice is shown once the shell confirms it, and not before", async (page) => {
  const earlier = page.getByTestId("session-maya-8453").getByRole("radio");
  const later = page.getByTestId("session-maya-9120").getByRole("radio");
  await hold(page, "chooseSession");
  await page.getByTestId("session-maya-9120").click();
  await page.locator('[data-testid="session-maya-9120"][aria-busy="true"]').waitFor();
  expect(await earlier.isChecked(), "the earlier choice stays while the shell works").toBe(true);
  expect(await later.isChecked(), "the new choice waits for the shell").toBe(false);
  await shoot(page, "choosing");
  await release(page);
  await page.locator('[data-testid="session-maya-9120"][data-chosen="true"]').waitFor();
  expect(await later.isChecked(), "the new choice is shown").toBe(true);
});

story("a refused choice leaves the earlier one, and says why", async (page) => {
  await page.evaluate(() => window.fakeHost?.refuse("chooseSession", "gone", "That Maya has closed. Choose another."));
  await page.getByTestId("session-maya-9120").click();
  await page.getByText("That Maya has closed. Choose another.").waitFor();
  expect(await page.getByTestId("session-maya-8453").getByRole("radio").isChecked(), "the earlier choice").toBe(true);
});

story("the keyboard alone chooses, previews, cancels and connects", async (page) => {
  await page.getByTestId("session-maya-8453").getByRole("radio").focus();
  await page.keyboard.press("ArrowDown");
  await page.locator('[data-testid="session-maya-9120"][data-chosen="true"]').waitFor();
  await shoot(page, "keyboard");
  await page.getByTestId("connect-claude-code").focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("preview-dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("preview-dialog").waitFor({ state: "detached" });
  expect(await focused(page), "the focus is back").toBe("connect-claude-code");
  await page.keyboard.press("Enter");
  await page.getByTestId("preview-dialog").waitFor();
  expect(await focused(page), "the focus is on the answer").toBe("preview-confirm");
  await page.keyboard.press("Enter");
  await page.getByTestId("outcome-claude-code").waitFor();
  expect(await focused(page), "the focus stays in the row").toBe("disconnect-claude-code");
});

story("Escape does not hide a connection that is being made", async (page) => {
  await page.getByTestId("connect-claude-code").click();
  await hold(page, "connectClient");
  await page.getByTestId("preview-confirm").click();
  await page.locator('[data-testid="preview-confirm"][aria-busy="true"]').waitFor();
  await shoot(page, "connecting");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  expect(await page.getByTestId("preview-dialog").isVisible(), "the dialog stays").toBe(true);
  await release(page);
  await page.getByTestId("outcome-claude-code").waitFor();
});

story("a file that changed since the preview is previewed again", async (page) => {
  await page.getByTestId("connect-claude-code").click();
  await page.getByTestId("preview-dialog").waitFor();
  await page.evaluate(async () => {
    const host = window.fakeHost;
    const preview = await host?.previewClient("claude-code");
    if (preview) host?.setPreview({ ...preview, fingerprint: "demo-2", before: "{}\n", after: '{ "maya": {} }\n' });
  });
  await page.getByTestId("preview-confirm").click();
  await page.getByTestId("preview-fresh").waitFor();
  expect(await page.getByTestId("diff").textContent(), "the new text").toContain('{ "maya": {} }');
  await shoot(page, "preview-again");
  await page.getByTestId("preview-confirm").click();
  await page.getByTestId("outcome-claude-code").waitFor();
});

story("an update replaces what is there, and a client can be disconnected", async (page) => {
  await page.getByTestId("connect-cursor").click();
  await page.getByRole("heading", { name: "Update Cursor" }).waitFor();
  await page.getByTestId("preview-confirm").click();
  await page.locator('[data-testid="client-cursor"][data-state="connected"]').waitFor();
  await page.getByTestId("disconnect-cursor").click();
  await page.locator('[data-testid="client-cursor"][data-state="not_connected"]').waitFor();
  await page.getByText("Cursor is no longer connected.", { exact: true }).first().waitFor();
});

story("Start at login follows the shell", async (page) => {
  const control = page.getByTestId("start-at-login");
  expect(await control.getAttribute("aria-checked"), "at first").toBe("true");
  await control.click();
  await page.locator('[data-testid="start-at-login"][aria-checked="false"]').waitFor();
});

story(
  "the keyboard alone connects a Maya, copies a line and turns a version on",
  async (page) => {
    const radio = page.getByTestId("session-maya-8453").getByRole("radio");
    await page.getByTestId("connect-maya-8453").focus();
    await page.keyboard.press("Enter");
    await page.locator('[data-testid="phase-maya-8453"][data-phase="awaiting_permission"]').waitFor();
    expect(await radio.evaluate((each) => each === document.activeElement), "the focus stays in the row").toBe(true);
    await page.getByTestId("copy-line-maya-9377").focus();
    const before = await page.getByTestId("copy-line-maya-9377").boundingBox();
    await page.keyboard.press("Enter");
    await page.getByText("Copied", { exact: true }).waitFor();
    expect(await page.getByTestId("copy-line-maya-9377").boundingBox(), "nothing moves").toEqual(before);
    await page.getByTestId("start-up-from-maya-9377").focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("start-up-dialog").waitFor();
    await page.keyboard.press("Enter");
    await page.getByTestId("line-outcome-maya-9377").waitFor();
    expect(await focused(page), "the focus stays beside the line").toBe("copy-line-maya-9377");
    await page.getByTestId("start-up-switch-2024").focus();
    await page.keyboard.press("Space");
    await page.locator('[data-testid="start-up-2024"][data-state="off"]').waitFor();
    await page.keyboard.press("Space");
    await page.getByTestId("start-up-dialog").waitFor();
    expect(await focused(page), "the focus is on the answer").toBe("start-up-confirm");
    await page.keyboard.press("Enter");
    await page.getByTestId("start-up-outcome-2024").waitFor();
    expect(await focused(page), "the focus is back").toBe("start-up-switch-2024");
  },
  "waiting",
);

story("a Maya on another machine is added with Enter alone, after the warning", async (page) => {
  await page.getByTestId("add-session").focus();
  await page.keyboard.press("Enter");
  expect(await focused(page), "the form is ready to be filled in").toBe("add-host");
  await page.getByTestId("add-host").fill("10.0.0.6");
  await page.getByTestId("add-port").fill("7001");
  await page.keyboard.press("Enter");
  await page.getByTestId("add-warning").waitFor();
  expect(await focused(page), "the focus is on the answer").toBe("add-anyway");
  await page.keyboard.press("Enter");
  await page.getByTestId("session-maya-10.0.0.6:7001").waitFor();
  expect(await focused(page), "the focus is back").toBe("add-session");
});

story("the arrow keys set what happens when a Maya is found", async (page) => {
  await page.getByTestId("connect-choice-ask").getByRole("radio").focus();
  await page.keyboard.press("ArrowDown");
  await page.locator('[data-testid="connect-choice-auto"][data-chosen="true"]').waitFor();
  const session = page.getByTestId("session-maya-8453").getByRole("radio");
  expect(await session.isChecked(), "the choice of a session is another one").toBe(true);
});

story(
  "the keyboard alone answers what a client asks and sets what it may do",
  async (page) => {
    await page.locator('[data-testid="answer-41-once"][aria-disabled="false"]').waitFor();
    await page.getByTestId("question-code-41").focus();
    await page.keyboard.press("Tab");
    expect(await focused(page), "the first answer").toBe("answer-41-once");
    await page.keyboard.press("Enter");
    await page.getByTestId("question-41").waitFor({ state: "detached" });
    expect(await focused(page), "the next question, and none of its answers").toBe("question-43");
    await page.keyboard.press("Enter");
    expect(await page.getByTestId("question-43").isVisible(), "pressing twice answers once").toBe(true);
    await page.locator('[data-testid="answer-43-no"][aria-disabled="false"]').waitFor();
    await page.getByTestId("answer-43-no").focus();
    await page.keyboard.press("Space");
    await page.getByTestId("questions").waitFor({ state: "detached" });
    await page.getByTestId("access-claude-desktop").selectOption("look_only");
    await page.locator('[data-testid="access-claude-desktop"][data-value="look_only"]').waitFor();
    const asked = await page.evaluate(() => window.fakeHost?.asked.slice(2));
    expect(asked, "what was asked").toEqual([
      "answerQuestion 41 once",
      "answerQuestion 43 no",
      "setAccess claude-desktop null look_only",
    ]);
  },
  "asking",
);

story(
  "the keyboard alone opens a recovered scene, dismisses both crashes, and finds what happened",
  async (page) => {
    await page.getByTestId("crash-maya-8453-open_scene").focus();
    await page.keyboard.press("Enter");
    await page.getByTestId("crash-outcome-maya-8453").waitFor();
    expect(await focused(page), "the focus stays").toBe("crash-maya-8453-open_scene");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByTestId("crash-maya-8453").waitFor({ state: "detached" });
    expect(await focused(page), "the next crash, and none of its buttons").toBe("crash-maya-9377");
    await page.keyboard.press("Tab");
    expect(await focused(page), "nothing was left to be opened").toBe("crash-maya-9377-dismiss");
    await page.keyboard.press("Space");
    await page.getByTestId("crashes").waitFor({ state: "detached" });
    await page.getByTestId("events-filter").selectOption("crashed");
    await page.getByTestId("event-1001").waitFor({ state: "detached" });
    expect(await page.getByTestId("events").locator("li").count(), "one crash").toBe(1);
    const asked = await page.evaluate(() => window.fakeHost?.asked.filter((each) => each.startsWith("afterCrash")));
    expect(asked, "what was asked").toEqual([
      "afterCrash maya-8453 open_scene",
      "afterCrash maya-8453 dismiss",
      "afterCrash maya-9377 dismiss",
    ]);
  },
  "crashed",
);

story("the keyboard alone sets what is told, and when not", async (page) => {
  await page.getByTestId("notices-about-ready").focus();
  await page.keyboard.press("Space");
  await page.locator('[data-testid="notices-about-ready"][aria-checked="false"]').waitFor();
  await page.getByTestId("quiet-hours").focus();
  await page.keyboard.press("Space");
  await page.getByTestId("quiet-from").waitFor();
  expect(await page.getByTestId("quiet-from").inputValue(), "the evening").toBe("22:00");
  await page.getByTestId("quiet-to").fill("08:15");
  await page.getByTestId("quiet").focus();
  await page.keyboard.press("Enter");
  await page.getByText("Quiet until tomorrow, 06:00").waitFor();
  expect(await focused(page), "the focus stays").toBe("quiet");
  await page.keyboard.press("Enter");
  await page.getByText("Quiet until tomorrow, 06:00").waitFor({ state: "detached" });
  const asked = await page.evaluate(() => window.fakeHost?.asked.slice(2));
  expect(asked, "what was asked").toEqual([
    "setNoticesAbout ready false",
    "setQuietHours 22:00 07:00",
    "setQuietHours 22:00 08:15",
    "setQuietUntilTomorrow",
    "endQuiet",
  ]);
});

story("changes are shown as they come, and heard", async (page) => {
  await page.evaluate(() =>
    window.fakeHost?.change((view) => {
      for (const session of view.sessions) {
        if (session.session === "maya-9120") Object.assign(session, { phase: "ready", phase_text: "Ready" });
      }
      view.problem = "Port 6292 is used by “other”.";
    }),
  );
  await page.locator('[data-testid="phase-maya-9120"][data-phase="ready"]').waitFor();
  await page.getByTestId("problem").waitFor();
  const heard = await page.getByTestId("heard").locator("p").allTextContents();
  expect(heard, "what a screen reader says").toEqual([
    "Port 6292 is used by “other”.",
    "Maya 2025, heron_rig_v031.mb: Ready.",
  ]);
});

async function hold(page: Page, command: "chooseSession" | "connectClient") {
  await page.evaluate((name) => {
    const release = window.fakeHost?.hold(name);
    addEventListener("release", () => release?.(), { once: true });
  }, command);
}

async function release(page: Page) {
  await page.evaluate(() => dispatchEvent(new Event("release")));
}

function focused(page: Page): Promise<string | undefined> {
  return page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.testid);
}
