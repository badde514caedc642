/** Opens the window over the real shell, or over the fake one when there is no Tauri around it. */
import { mount } from "svelte";
import App from "./App.svelte";
import type { Host } from "./host/types";

async function openHost(): Promise<Host> {
  if ("__TAURI_INTERNALS__" in window) return (await import("./host/tauri")).tauriHost;
  const { FakeHost } = await import("./host/fake");
  const { askingView, crashedView, demoView, quietView, troubledView, waitingView } = await import("./host/demo");
  const views: Record<string, typeof demoView> = {
    asking: askingView,
    crashed: crashedView,
    quiet: quietView,
    troubled: troubledView,
    waiting: waitingView,
  };
  const chosen = views[new URLSearchParams(location.search).get("view") ?? ""] ?? demoView;
  window.fakeHost = new FakeHost(chosen());
  return window.fakeHost;
}

const target = document.getElementById("window");
if (!target) throw new Error("index.html has an element with the id window");
mount(App, { target, props: { host: await openHost() } });
