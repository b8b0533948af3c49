/** Every bit of every file of a small log is flipped. */
import { test } from 'node:test';
import { readsAfterFlips, verifiesAfterFlips } from '../testing/bit-flips.ts';
import { range } from '../testing/small-log.ts';

const bitsOf = (byteCount: number): readonly number[] => range(0, 8 * byteCount);

test('closed in order: no flipped bit of any file changes what is read', () => readsAfterFlips(true, bitsOf));
test('after a crash: no flipped bit of any file changes what is read', () => readsAfterFlips(false, bitsOf));
test('verify finds every flipped bit of a segment, and changes nothing', () => verifiesAfterFlips(bitsOf));
