/** Follows the shell's views. What is shown is always a view that the shell sent, never a guess. */
import type { Host, View } from "./host/types";
import { heardChanges } from "./words";

/** Screen readers need a few of the latest sentences at most. */
const MOST_HEARD = 6;

export interface Heard {
  id: number;
  text: string;
}

export interface Live {
  readonly view: View | null;
  readonly failure: string | null;
  readonly heard: Heard[];
  /** Says a sentence to people who use a screen reader. */
  say(text: string): void;
  /** Begins to follow; the returned function ends it. */
  start(): () => void;
}

export function openLive(host: Host): Live {
  let view = $state.raw<View | null>(null);
  let failure = $state<string | null>(null);
  let heard = $state.raw<Heard[]>([]);
  let said = 0;

  function say(text: string) {
    said += 1;
    heard = [...heard, { id: said, text }].slice(-MOST_HEARD);
  }

  function show(next: View) {
    const news = view ? heardChanges(view, next) : [];
    view = next;
    failure = null;
    for (const text of news) say(text);
  }

  /** Listens first and reads then, so that no change falls between; a view that was sent meanwhile is the newer one. */
  function start() {
    let over = false;
    let sent = false;
    const listening = host.watch((next) => {
      sent = true;
      if (!over) show(next);
    });
    listening
      .then(() => host.view())
      .then((first) => {
        if (!sent && !over) show(first);
      })
      .catch((error: Error) => {
        if (!over) failure = error.message;
      });
    return () => {
      over = true;
      // Where listening was refused there is nothing to end.
      listening.then(
        (stop) => stop(),
        () => {},
      );
    };
  }

  return {
    get view() {
      return view;
    },
    get failure() {
      return failure;
    },
    get heard() {
      return heard;
    },
    say,
    start,
  };
}
