/** Serves dist/ under the shell's policy and opens it in Chromium, the way every end-to-end test needs it. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { type PreviewServer, preview } from "vite";

export interface Opened {
  page: Page;
  /** Everything the browser complained about, refusals by the policy included. */
  complaints: string[];
  /** Every address that was asked for. */
  requests: string[];
  close(): Promise<void>;
}

export type DemoView = "demo" | "asking" | "crashed" | "quiet" | "troubled" | "waiting";

export interface Stage {
  origin: string;
  open(view: DemoView, options?: BrowserContextOptions): Promise<Opened>;
  close(): Promise<void>;
}

/** Where the screenshots are kept: SHOTS, or a folder of this run. */
export const shots = process.env.SHOTS ?? mkdtempSync(join(tmpdir(), "maya-mcp-window-"));
mkdirSync(shots, { recursive: true });

export async function openStage(): Promise<Stage> {
  const server = await preview({ preview: { port: 0 }, logLevel: "warn" });
  const origin = originOf(server);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
  return {
    origin,
    open: (view, options) => open(browser, `${origin}/?view=${view}`, options),
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(shots, `${name}.png`), animations: "disabled" });
}

async function open(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 460, height: 640 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(address);
  await page.getByTestId("start-at-login").waitFor();
  return { page, complaints, requests, close: () => context.close() };
}

function originOf(server: PreviewServer): string {
  const address = server.resolvedUrls?.local[0];
  if (!address) throw new Error("the preview server listens on no address");
  return address.replace(/\/$/, "");
}
