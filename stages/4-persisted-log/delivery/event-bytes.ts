/**
 * The bytes of an event in the group journal.
 *
 *     leased   | kind 5 | group | partition | fromOffset | count | place | serial | memberId | at | deadlineAt | 0 | key |
 *     acked    | kind 6 | group | partition | fromOffset | count | place | isCumulative |
 *
 * A number is a varint; a text its length in bytes and its UTF-8; a word its place in a list; yes and no are 1 and 0; what
 * may be missing stands behind a 1, or is a 0. Events follow each other without anything between.
 *
 * Always true: decoding answers exactly what was encoded, or throws `MQ_CORRUPT`. Kinds, fields and words are only ever
 * added at the end: their numbers stand on disks. Pure.
 */
import { Buffer, isUtf8 } from 'node:buffer';
import { capabilitiesOfStage } from '../../../shared/contract/capabilities.ts';
import type { GroupOptions } from '../../../shared/contract/description.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { LIMITS } from '../../../shared/contract/limits.ts';
import { checkGroupOptions } from '../../2-ring-buffer/reading-options.ts';
import { copyOf } from '../bytes/small-bytes.ts';
import { NO_VARINT, readVarint, VARINT_BYTES_MAX, varintBytes, writeVarint } from '../bytes/varint.ts';
import type { DeathReason, FinishedHow, GiveBackReason, JournalEvent } from './group-events.ts';

type FieldType = 'number' | 'numbers' | 'text' | 'text?' | 'flag' | 'options' | readonly string[];

const AS: readonly string[] = ['queue', 'log'];
const REASONS: readonly GiveBackReason[] = ['lease-expired', 'retry', 'return', 'member-left'];
const WHYS: readonly DeathReason[] = ['rejected', 'deliveries', 'expired'];
const HOWS: readonly FinishedHow[] = ['expired', 'dead', 'not-for-group', 'gone', 'filtered', 'committed'];

/** A field is of the same type wherever it stands; those that are not named here are numbers. */
const TYPES: Readonly<Record<string, FieldType>> = {
  ...{
    name: 'text',
    prefix: 'text',
    memberId: 'text',
    token: 'text',
    key: 'text?',
    error: 'text?',
    options: 'options',
  },
  ...{
    starts: 'numbers',
    isPaused: 'flag',
    isRedrive: 'flag',
    isCumulative: 'flag',
    as: AS,
    reason: REASONS,
    why: WHYS,
    how: HOWS,
  },
};

const RUN = 'group partition fromOffset count';
const PLACE = 'group partition offset';

/** In the order of their numbers, from 1. */
const FIELDS: readonly (readonly [kind: JournalEvent['kind'], fields: string])[] = [
  ['created', 'group name options starts'],
  ['deleted', 'group'],
  ['used', 'group as'],
  ['prefix', 'group prefix'],
  ['leased', `${RUN} place serial memberId at deadlineAt isRedrive key`],
  ['acked', `${RUN} place isCumulative`],
  ['ack-repeated', `${PLACE} memberId token`],
  ['given-back', `${RUN} place reason availableAt error`],
  ['dying', `${RUN} place why at error`],
  ['finished', `${RUN} how`],
  ['extended', `${PLACE} place deadlineAt`],
  ['committed', PLACE],
  ['sought', `${PLACE} logStartOffset`],
  ['fell-behind', 'group partition logStartOffset logEndOffset'],
  ['cut-back', 'group partition logEndOffset'],
  ['paused', 'group isPaused'],
  ['topic-paused', 'isPaused'],
  ['log-start', 'partition offset'],
  ['delayed-moved', 'fromOffset count'],
  ['dead-kept', `${PLACE} deadOffset`],
  ['dead-gone', 'fromOffset count'],
  ['dropped', 'partition offset count'],
  ['transaction-applied', 'producerId epoch'],
];

interface Layout {
  readonly kind: JournalEvent['kind'];
  readonly fields: readonly { readonly name: string; readonly type: FieldType }[];
}

const LAYOUTS: readonly Layout[] = FIELDS.map(([kind, fields]) => ({
  kind,
  fields: fields.split(' ').map((name) => ({ name, type: TYPES[name] ?? 'number' })),
}));

const NUMBER_OF_KIND = new Map(LAYOUTS.map(({ kind }, index) => [kind, index + 1]));
const BUFFER_BYTES = 4096;
/** Of all stages that keep groups in a journal. */
const OPTION_RULES = { limits: LIMITS, capabilities: capabilitiesOfStage(5) };

/** Collects events as bytes. Made once and used for ever: it keeps its buffer, unless that has grown large. */
export class EventWriter {
  #bytes = Buffer.allocUnsafe(BUFFER_BYTES);
  #length = 0;

  /** Bytes written since the last `take`. */
  get length(): number {
    return this.#length;
  }

  append(event: JournalEvent): void {
    const number = NUMBER_OF_KIND.get(event.kind) ?? 0;
    const fields = LAYOUTS[number - 1]?.fields ?? [];
    this.#number(number);
    for (const { name, type } of fields) this.#field(type, Reflect.get(event, name));
  }

  /** What was appended, as bytes of their own; the writer is empty then. */
  take(): Uint8Array {
    const taken = copyOf(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    if (this.#bytes.length > 16 * BUFFER_BYTES) this.#bytes = Buffer.allocUnsafe(BUFFER_BYTES);
    return taken;
  }

  #field(type: FieldType, value: unknown): void {
    if (type === 'number') this.#number(value as number);
    else if (type === 'text') this.#text(value as string);
    else if (type === 'flag') this.#number(value === true ? 1 : 0);
    else if (type === 'options') this.#text(JSON.stringify(value));
    else if (type === 'text?') {
      this.#number(value === undefined ? 0 : 1);
      if (value !== undefined) this.#text(value as string);
    } else if (type === 'numbers') {
      const numbers = value as readonly number[];
      this.#number(numbers.length);
      for (const number of numbers) this.#number(number);
    } else this.#number(type.indexOf(value as string));
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) throw new TypeError(`an event has the number ${value}`);
    this.#makeRoom(VARINT_BYTES_MAX);
    this.#length = writeVarint(this.#bytes, this.#length, value);
  }

  #text(text: string): void {
    const bytes = Buffer.byteLength(text);
    this.#number(bytes);
    this.#makeRoom(bytes);
    this.#bytes.write(text, this.#length, bytes);
    this.#length += bytes;
  }

  #makeRoom(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

/** The events that `bytes` consist of; `MQ_CORRUPT` when they are anything else. */
export function decodeEvents(bytes: Uint8Array): JournalEvent[] {
  const reader = new EventReader(bytes);
  const events: JournalEvent[] = [];
  while (!reader.isAtEnd) events.push(reader.event());
  return events;
}

class EventReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#position === this.#bytes.length;
  }

  event(): JournalEvent {
    const layout = LAYOUTS[this.#number('kind') - 1];
    if (layout === undefined) throw this.#corrupt('is of no known kind');
    const event: Record<string, unknown> = { kind: layout.kind };
    for (const { name, type } of layout.fields) {
      const value = this.#field(type, name);
      if (value !== undefined) event[name] = value;
    }
    if (event.count === 0) throw this.#corrupt('is about no offset');
    const below = Number(event.fromOffset ?? event.offset ?? 0) + Number(event.count ?? 0);
    if (!Number.isSafeInteger(below)) throw this.#corrupt('has an offset that is none');
    return event as unknown as JournalEvent;
  }

  #field(type: FieldType, name: string): unknown {
    if (type === 'number') return this.#number(name);
    if (type === 'text') return this.#text(name);
    if (type === 'flag') return this.#below(2, name) === 1;
    if (type === 'options') return this.#options(name);
    if (type === 'text?') return this.#below(2, name) === 1 ? this.#text(name) : undefined;
    if (type === 'numbers') {
      // Each takes a byte at least: a count beyond that would make an array of any size.
      const count = this.#below(this.#bytes.length - this.#position + 1, name);
      return Array.from({ length: count }, () => this.#number(name));
    }
    return type[this.#below(type.length, name)];
  }

  #number(name: string): number {
    const value = readVarint(this.#bytes, this.#position, this.#bytes.length);
    if (value === NO_VARINT) throw this.#corrupt(`has no ${name}`);
    this.#position += varintBytes(value);
    return value;
  }

  #below(bound: number, name: string): number {
    const value = this.#number(name);
    if (value >= bound) throw this.#corrupt(`has a ${name} that is none`);
    return value;
  }

  #text(name: string): string {
    const bytes = this.#number(name);
    const text = this.#bytes.subarray(this.#position, this.#position + bytes);
    if (text.length < bytes || !isUtf8(text)) throw this.#corrupt(`has a ${name} that is no text`);
    this.#position += bytes;
    return text.toString();
  }

  #options(name: string): Required<GroupOptions> {
    const text = this.#text(name);
    try {
      return checkGroupOptions(JSON.parse(text) as GroupOptions, OPTION_RULES);
    } catch (cause) {
      throw this.#corrupt(`has ${name} that are none`, cause);
    }
  }

  #corrupt(what: string, cause?: unknown): MqError {
    return new MqError('MQ_CORRUPT', `an event of a group journal ${what}, at byte ${this.#position}`, { cause });
  }
}
