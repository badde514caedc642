/** Follows what happens: all that the shell still knows at first, and each event as it comes. */
import type { EventInfo, Host } from "./host/types";

/** As many as the shell keeps. */
const MOST = 1024;

export interface Happened {
  /** The newest first. */
  readonly events: EventInfo[];
  /** The shell has said what was there before. */
  readonly known: boolean;
  readonly failure: string | null;
}

/** To be called while a part is made; it follows for as long as the part is shown. */
export function happened(host: () => Host): Happened {
  let events = $state.raw<EventInfo[]>([]);
  let known = $state(false);
  let failure = $state<string | null>(null);

  /** The same event may come twice, and a later one before an earlier. */
  function take(more: EventInfo[]) {
    const known = new Map([...events, ...more].map((event) => [event.seq, event]));
    events = [...known.values()].sort((one, other) => other.seq - one.seq).slice(0, MOST);
  }

  $effect(() => {
    const shell = host();
    let over = false;
    events = [];
    known = false;
    failure = null;
    // Listens first and reads then, so that no event falls between.
    const listening = shell.watchEvents((more) => {
      if (!over) take(more);
    });
    listening
      .then(() => shell.events())
      .then((first) => {
        if (over) return;
        take(first);
        known = true;
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
  });

  return {
    get events() {
      return events;
    },
    get known() {
      return known;
    },
    get failure() {
      return failure;
    },
  };
}
