/** A choice among radios. Until the shell agrees, the one that it last named stays checked. */
import { tick } from "svelte";

export interface Choosing {
  readonly failure: string | null;
  asking(value: string): boolean;
  choose(value: string): Promise<void>;
  /** For the element around the radios. */
  group(element: HTMLElement): void;
}

export function choosing(chosen: () => string, ask: (value: string) => Promise<void>): Choosing {
  /** What was asked for last and is not answered yet. */
  let asked = $state.raw<{ value: string } | null>(null);
  let failure = $state<string | null>(null);
  let group: HTMLElement | null = null;

  /** The browser checks the radio that was pressed. */
  function showChosen() {
    const radios = group?.querySelectorAll<HTMLInputElement>('input[type="radio"]') ?? [];
    for (const radio of radios) radio.checked = radio.value === chosen();
  }

  return {
    get failure() {
      return failure;
    },
    asking(value) {
      return asked?.value === value;
    },
    async choose(value) {
      showChosen();
      const request = { value };
      asked = request;
      failure = null;
      try {
        await ask(value);
      } catch (error) {
        if (asked === request) failure = (error as Error).message;
      } finally {
        if (asked === request) asked = null;
        await tick();
        showChosen();
      }
    },
    group(element) {
      group = element;
    },
  };
}
