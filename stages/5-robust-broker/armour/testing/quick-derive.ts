/** In place of scrypt, for tests: as deterministic, not as slow, and it counts. */
import { createHash } from 'node:crypto';
import { type Derive, type PasswordRecord, recordOf } from '../passwords.ts';

export interface QuickDerive {
  readonly derive: Derive;
  readonly count: () => number;
  /** Nothing is derived any more until the function it resolves to is called. */
  readonly hold: () => () => void;
  readonly recordOf: (password: string) => Promise<PasswordRecord>;
}

export function quickDerive(): QuickDerive {
  let count = 0;
  let held: Promise<void> | undefined;
  const digest: Derive = async (password, salt) => createHash('sha256').update(salt).update(password).digest();
  const derive: Derive = async (...args) => {
    count += 1;
    await held;
    return await digest(...args);
  };
  const hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    held = promise;
    return () => {
      held = undefined;
      resolve();
    };
  };
  return { derive, count: () => count, hold, recordOf: (password) => recordOf(password, digest) };
}
