/** Waiting for what a test caused and cannot await: a state is looked at on each turn of the event loop. */

/** Resolves when `isTrue` says so. A test that waits in vain ends with the runner's time-out, and says what for. */
export async function until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const startedMs = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - startedMs > GIVE_UP_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Far above what any machine needs. */
const GIVE_UP_MS = 20_000;
