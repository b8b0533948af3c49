/** One bit of every byte of a small log is flipped, each of the eight in its turn; `bit-flips.long.ts` flips them all. */
import { test } from 'node:test';
import { readsAfterFlips, verifiesAfterFlips } from '../testing/bit-flips.ts';

test('closed in order: no flipped bit of any file changes what is read', () => readsAfterFlips(true, 1));
test('after a crash: no flipped bit of any file changes what is read', () => readsAfterFlips(false, 1));
test('verify finds every flipped bit of a segment, and changes nothing', () => verifiesAfterFlips(1));
