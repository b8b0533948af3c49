/**
 * Messages in the database of an application, written in the same SQL transaction as what they tell of:
 *
 *     BEGIN
 *       insert into orders ...
 *       outbox.add('orders', { body })          both are there, or neither
 *     COMMIT
 *                       [ outbox: 1, 2, 3, ... ] -- OutboxRelay --> broker
 *
 * Always true: a message has its id from the moment it is written, made of the outbox and the number of its row, so that
 * sending it again is sending the same; numbers ascend, and none is used twice. What could never be sent is refused when it
 * is written. Calls are synchronous, and part of whatever transaction the connection is in.
 */
import { LIMITS } from '../contract/limits.ts';
import type { Headers, Message } from '../contract/message.ts';
import { checkMessage, checkName, checkOptions } from '../contract/validation.ts';
import { checkRandom, type Random } from '../random.ts';
import {
  checkDatabase,
  checkTableName,
  isInTransaction,
  type SqlDatabase,
  type SqlStatement,
  type SqlValue,
} from './sql-database.ts';

/** Of `new Outbox`: in which database, and where in it. */
export interface OutboxOptions {
  readonly database: SqlDatabase;
  /** Made when it is missing; a second one with `_id` behind its name keeps what ids begin with. Default `outbox`. */
  readonly table?: string;
  readonly random?: Random;
}

/** A message that waits for the relay. */
export interface OutboxRow {
  /** Of the row; ascends in the order of the commits, as SQLite lets one transaction write at a time. */
  readonly number: number;
  readonly topic: string;
  readonly message: Message & { readonly id: string };
}

/** A message that a broker refused for what is in it. */
export interface RefusedRow extends OutboxRow {
  /** The code and the words of the refusal. */
  readonly reason: string;
}

const RANDOM_BYTES = 8;
/** Of a message, what is no column of its own. */
const TIMING = ['delayMs', 'deliverAt', 'ttlMs', 'priority'] as const;

/** The writing side, and what the relay reads. */
export class Outbox {
  readonly database: SqlDatabase;
  readonly #table: string;
  /** What ids begin with: unlike that of every other outbox. */
  readonly #prefix: string;
  readonly #insert: SqlStatement;

  /** `MQ_INVALID_ARGUMENT`, or what the database throws. */
  constructor(options: OutboxOptions) {
    checkOptions('options', options, ['database', 'table', 'random']);
    this.database = checkDatabase('options.database', options?.database);
    const table = checkTableName('options.table', options.table, 'outbox');
    this.#table = table;
    this.database.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (number INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, id TEXT,
         key TEXT, headers TEXT, timing TEXT, body BLOB NOT NULL, refusal TEXT);
       CREATE TABLE IF NOT EXISTS ${table}_id (one INTEGER PRIMARY KEY CHECK (one = 1), prefix TEXT NOT NULL);`,
    );
    const prefix = checkRandom('options.random', options.random).hex(RANDOM_BYTES);
    this.database.prepare(`INSERT OR IGNORE INTO ${table}_id (one, prefix) VALUES (1, ?)`).run(prefix);
    this.#prefix = textOf(rowOf(this.database.prepare(`SELECT prefix FROM ${table}_id`).get()), 'prefix');
    this.#insert = this.database.prepare(
      `INSERT INTO ${table} (topic, id, key, headers, timing, body) VALUES (?, ?, ?, ?, ?, ?)`,
    );
  }

  /** Answers the id the message will have. `MQ_INVALID_ARGUMENT` and `MQ_MESSAGE_TOO_LARGE` as `send` would. */
  add(topic: string, message: Message): string {
    const name = checkName('topic', topic, LIMITS);
    const { body, id, key, headers } = checkMessage('message', message, LIMITS);
    const named = Object.keys(headers).length > 0 ? JSON.stringify(headers) : null;
    const timing = TIMING.filter((member) => message[member] !== undefined).map((member) => [member, message[member]]);
    const timed = timing.length > 0 ? JSON.stringify(Object.fromEntries(timing)) : null;
    const { lastInsertRowid } = this.#insert.run(name, id ?? null, key ?? null, named, timed, body);
    return id ?? this.#idOf(Number(lastInsertRowid));
  }

  /** Messages that wait, those that were refused not counted. */
  get waitingCount(): number {
    return Number(rowOf(this.#get(`SELECT count(*) AS waiting FROM ${this.#table} WHERE refusal IS NULL`)).waiting);
  }

  /** True while the connection is in a transaction: what it reads then may never have been. */
  get isInTransaction(): boolean {
    return isInTransaction(this.database);
  }

  /** The first that wait, at most so many, and of so many bytes together, but at least one. */
  first({ countMax, bytesMax }: { readonly countMax: number; readonly bytesMax: number }): OutboxRow[] {
    const waiting = `FROM ${this.#table} WHERE refusal IS NULL`;
    const sizes = this.#all(`SELECT number, length(body) AS bytes ${waiting} ORDER BY number LIMIT ?`, countMax);
    let last: SqlValue = 0;
    let bytes = 0;
    for (const row of sizes) {
      bytes += Number(row.bytes);
      if (bytes > bytesMax && last !== 0) break;
      last = Number(row.number);
    }
    return this.#all(`SELECT * ${waiting} AND number <= ? ORDER BY number`, last).map((row) => this.#rowOf(row));
  }

  /** The broker has them: they are deleted, all or none. */
  markSent(numbers: readonly number[]): void {
    const statement = this.database.prepare(`DELETE FROM ${this.#table} WHERE number = ?`);
    this.database.exec('BEGIN IMMEDIATE');
    try {
      for (const number of numbers) statement.run(number);
      this.database.exec('COMMIT');
    } catch (error) {
      this.database.exec('ROLLBACK');
      throw error;
    }
  }

  /** It stays, and is not tried again before `retryRefused`. */
  markRefused(number: number, reason: string): void {
    this.database.prepare(`UPDATE ${this.#table} SET refusal = ? WHERE number = ?`).run(reason, number);
  }

  /** What a broker refused, oldest first, at most `max`. */
  refused(max = 100): RefusedRow[] {
    const rows = this.#all(`SELECT * FROM ${this.#table} WHERE refusal IS NOT NULL ORDER BY number LIMIT ?`, max);
    return rows.map((row) => ({ ...this.#rowOf(row), reason: textOf(row, 'refusal') }));
  }

  /** All that was refused waits again. */
  retryRefused(): void {
    this.database.exec(`UPDATE ${this.#table} SET refusal = NULL WHERE refusal IS NOT NULL`);
  }

  #idOf(number: number): string {
    return `${this.#prefix}-${number}`;
  }

  #rowOf(row: Row): OutboxRow {
    const number = Number(row.number);
    const { id, key, headers, timing, body } = row;
    const message: Message & { readonly id: string } = {
      body: body instanceof Uint8Array ? body : new Uint8Array(),
      id: typeof id === 'string' ? id : this.#idOf(number),
      ...(typeof key === 'string' ? { key } : {}),
      ...(typeof headers === 'string' ? { headers: JSON.parse(headers) as Headers } : {}),
      ...(typeof timing === 'string' ? (JSON.parse(timing) as Pick<Message, (typeof TIMING)[number]>) : {}),
    };
    return { number, topic: textOf(row, 'topic'), message };
  }

  #get(sql: string): unknown {
    return this.database.prepare(sql).get();
  }

  #all(sql: string, ...values: SqlValue[]): Row[] {
    return this.database
      .prepare(sql)
      .all(...values)
      .map(rowOf);
  }
}

/** The columns that any of the queries asks for. */
interface Row {
  readonly number?: unknown;
  readonly topic?: unknown;
  readonly id?: unknown;
  readonly key?: unknown;
  readonly headers?: unknown;
  readonly timing?: unknown;
  readonly body?: unknown;
  readonly refusal?: unknown;
  readonly bytes?: unknown;
  readonly waiting?: unknown;
  readonly prefix?: unknown;
}

function rowOf(row: unknown): Row {
  return (row ?? {}) as Row;
}

function textOf(row: Row, column: keyof Row): string {
  return String(row[column] ?? '');
}
