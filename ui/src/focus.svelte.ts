/** Keeps the focus in a list whose cards go when they are dealt with. */
import { tick } from "svelte";

/** To be called while a part is made. The focus goes to the next card, not to its buttons: pressing Enter twice answers once. */
export function keepFocus(list: () => HTMLElement | null, cards: () => unknown): void {
  $effect.pre(() => {
    void cards();
    const element = list();
    const focused = document.activeElement;
    if (!element || !focused || !element.contains(focused)) return;
    const index = [...element.children].findIndex((card) => card.contains(focused));
    tick().then(() => {
      if (focused.isConnected) return;
      const next = element.children[index] ?? element.lastElementChild;
      if (next instanceof HTMLElement) next.focus();
    });
  });
}
