/** One thing that a person can ask for: busy until it is answered, and once at a time. */

export interface Action<Args extends unknown[]> {
  readonly busy: boolean;
  readonly failure: string | null;
  run(...args: Args): Promise<void>;
  /** Forgets the last failure. */
  clear(): void;
}

export function action<Args extends unknown[]>(ask: (...args: Args) => Promise<void>): Action<Args> {
  let busy = $state(false);
  let failure = $state<string | null>(null);
  return {
    get busy() {
      return busy;
    },
    get failure() {
      return failure;
    },
    async run(...args) {
      if (busy) return;
      busy = true;
      failure = null;
      try {
        await ask(...args);
      } catch (error) {
        failure = error instanceof Error ? error.message : String(error);
      } finally {
        busy = false;
      }
    },
    clear() {
      failure = null;
    },
  };
}
