/** What happens when a person presses something, over the built window and a scripted shell. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Opened, openStage, type Stage, shoot } from "./page";

let stage: Stage;

beforeAll(async () => {
  stage = await openStage();
});

afterAll(async () => {
  await stage.close();
});

/** A test over a freshly opened window. */
function story(sentence: string, tell: (page: Page, opened: Opened) => Promise<void>) {
  test(sentence, async () => {
    const opened = await stage.open("demo");
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
