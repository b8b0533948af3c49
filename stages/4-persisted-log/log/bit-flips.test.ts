/** One bit of every byte of a small log is flipped, each of the eight in its turn; `bit-flips.long.ts` flips them all. */
import { test } from 'node:test';
import { readsAfterFlips, verifiesAfterFlips } from '../testing/bit-flips.ts';
import { range } from '../testing/small-log.ts';

const bitsOf = (byteCount: number): readonly number[] => range(0, byteCount).map((byte) => 8 * byte + (byte % 8));

test('closed in order: no flipped bit of any file changes what is read', () => readsAfterFlips(true, bitsOf));
test('after a crash: no flipped bit of any file changes what is read', () => readsAfterFlips(false, bitsOf));
test('verify finds every flipped bit of a segment, and changes nothing', () => verifiesAfterFlips(bitsOf));
