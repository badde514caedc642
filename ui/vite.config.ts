/** Builds the window into dist/: files only, nothing inline, so that a strict content security policy holds. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";

/** What the shell enforces, except for Tauri's own IPC addresses; the end-to-end tests run under it. */
export const policy = "default-src 'self'; style-src 'self'";

export default defineConfig({
  plugins: [svelte()],
  clearScreen: false,
  server: { host: "127.0.0.1", port: 1420, strictPort: true },
  preview: { host: "127.0.0.1", headers: { "Content-Security-Policy": policy } },
  build: {
    // Safari 16 is the oldest web view that Tauri may meet here: macOS 12, and WebKitGTK 2.40 on Linux.
    target: ["es2022", "safari16", "chrome111"],
    // A small file must not turn into a data: address, which the policy refuses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Vitest would otherwise take the server build of Svelte, which cannot mount anything.
  resolve: process.env.VITEST ? { conditions: ["browser"] } : {},
  test: { environment: "happy-dom", include: ["tests/**/*.test.ts"] },
});
