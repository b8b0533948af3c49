/**
 * The bytes of the log of half messages. A half is a batch of two records: first what the broker knows of it, then the
 * message as it will be stored. What happens to it later is a batch of one record.
 *
 *     [ {"kind":"half","halfId":...} | the message ]   [ {"kind":"checks",...} ]   [ {"kind":"ended",...} ]
 *
 * Always true: what a record says is how things are from then on, not what changed, so reading one twice does no harm; a
 * half that is written again says all that became of it meanwhile. Pure.
 */
import { Buffer } from 'node:buffer';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Durability } from '../../../shared/contract/message.ts';
import type { TransactionOutcome } from '../../../shared/contract/transaction.ts';
import type { EncodableMessage, LogRecord } from '../../4-persisted-log/bytes/record.ts';
import { encodeBatch } from '../../4-persisted-log/bytes/record-batch.ts';
import type { HalfFacts } from './half.ts';

/** How a half ended. */
export interface HalfEnd {
  readonly halfId: string;
  readonly topicId: string;
  readonly outcome: TransactionOutcome;
  /** Of what was committed: its message, and where that is. */
  readonly stored?: StoredPlace;
}

/** Where a message was stored, as its receipt says. */
export interface StoredPlace {
  readonly partition: number;
  /** null where a delayed message with its id was there before. */
  readonly offset: number | null;
  readonly id: string;
  readonly durability: Durability;
  /** It was there before, under its id. */
  readonly isDuplicate?: true;
}

/** Somebody was asked about these: so often so far, and not again before then. */
export type HalfChecked = Pick<HalfFacts, 'halfId' | 'checkCount' | 'nextCheckAt'>;

/** The first record of a batch. */
export type HalfEntry =
  | ({ readonly kind: 'half' } & HalfFacts)
  | { readonly kind: 'checks'; readonly checks: readonly HalfChecked[] }
  | ({ readonly kind: 'ended' } & HalfEnd)
  /** In the place of records that a power cut took, so that their offsets are not given again. */
  | { readonly kind: 'lost' };

const PLAIN = Object.freeze({ idPrefix: '', firstIdNumber: 0 });
/** How much room `movedFrom` needs is not known before the half has its offset. */
const FURTHEST = Number.MAX_SAFE_INTEGER;

export function encodeHalf(facts: HalfFacts, message: EncodableMessage): Uint8Array {
  return encodeBatch([{ body: bytesOf({ kind: 'half', ...facts }) }, message], PLAIN);
}

/** One record, or several of the same. */
export function encodeEntry(entry: HalfEntry, count = 1): Uint8Array {
  const record = { body: bytesOf(entry) };
  return encodeBatch(
    Array.from({ length: count }, () => record),
    PLAIN,
  );
}

export function decodeEntry({ body, offset }: LogRecord): HalfEntry {
  try {
    const entry = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString()) as HalfEntry;
    if (typeof entry === 'object' && entry !== null && KINDS.has(entry.kind)) return entry;
  } catch {
    // Said below, with the place.
  }
  throw new MqError('MQ_CORRUPT', `the log of half messages says nothing that can be understood at offset ${offset}`);
}

/** The message as it goes into its partition, from the half at `halfOffset`. */
export function encodeMoved(message: EncodableMessage, halfOffset: number): Uint8Array {
  return encodeBatch([{ ...message, movedFrom: { log: 'half', offset: halfOffset } }], PLAIN);
}

/** What it takes there at most. */
export function movedBytesMax(message: EncodableMessage): number {
  return encodeMoved(message, FURTHEST).length;
}

/** A record as a message again. Its life has not begun: nobody could get it so far. */
export function messageOf(record: LogRecord): EncodableMessage {
  const { body, key, headers, id, priority, timestamp, expiresAt } = record;
  const ttlMs = expiresAt === undefined ? undefined : expiresAt - timestamp;
  return { body, key, headers, id, priority, ttlMs };
}

const KINDS: ReadonlySet<unknown> = new Set<HalfEntry['kind']>(['half', 'checks', 'ended', 'lost']);

function bytesOf(entry: HalfEntry): Uint8Array {
  return Buffer.from(JSON.stringify(entry));
}
