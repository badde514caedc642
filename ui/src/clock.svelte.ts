/** The time, as exactly as people want to read how long something has lasted. */

export interface Clock {
  readonly now: number;
}

/** To be called while a part is made; it runs for as long as the part is shown. */
export function clock(): Clock {
  let now = $state(Date.now());
  $effect(() => {
    const ticking = setInterval(() => {
      now = Date.now();
    }, 15_000);
    return () => clearInterval(ticking);
  });
  return {
    get now() {
      return now;
    },
  };
}
