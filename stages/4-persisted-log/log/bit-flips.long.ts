/** Every bit of every file of a small log is flipped. */
import { test } from 'node:test';
import { readsAfterFlips, verifiesAfterFlips } from '../testing/bit-flips.ts';

test('closed in order: no flipped bit of any file changes what is read', () => readsAfterFlips(true, 8));
test('after a crash: no flipped bit of any file changes what is read', () => readsAfterFlips(false, 8));
test('verify finds every flipped bit of a segment, and changes nothing', () => verifiesAfterFlips(8));
