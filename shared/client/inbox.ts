/**
 * What an application has done with messages, in its own database, written in the same SQL transaction as the effect:
 *
 *     BEGIN
 *       inbox: this id is new?     no --> nothing more is done: its effect is there already
 *       update accounts ...
 *     COMMIT                       id and effect are both there, or neither
 *     ack                          lost? the message comes again, and finds its id
 *
 * Always true: the effect of a message is there once however often it is delivered, for as long as its id is kept. Ids are
 * kept for `keepMs`, which has to be longer than a message can come again. Calls are synchronous, as the connection is.
 */
import { type Clock, checkClock } from '../clock.ts';
import { MqError } from '../contract/errors.ts';
import type { StoredRecord } from '../contract/message.ts';
import { checkInteger, checkOptions, invalidArgument } from '../contract/validation.ts';
import { checkDatabase, checkTableName, type SqlDatabase, type SqlStatement } from './sql-database.ts';

/** Of `new Inbox`: in which database, for whom, and for how long. */
export interface InboxOptions {
  readonly database: SqlDatabase;
  /** Made when it is missing. Default `inbox`. */
  readonly table?: string;
  /** Who processes; two groups that share a database each have their own. Default `default`. */
  readonly name?: string;
  /** How long an id is kept. Default 7 days. */
  readonly keepMs?: number;
  readonly clock?: Clock;
}

/** What names a message: any record or delivery is one. */
export type MessageName = Pick<StoredRecord, 'topic' | 'id'>;

const KEEP_MS = 7 * 24 * 60 * 60 * 1000;
const KEEP_MS_MAX = 10 * 365 * 24 * 60 * 60 * 1000;
/** So many new ids, and old ones are looked for, */
const LOOK_EVERY_COUNT = 256;
/** and so many of them deleted at a time: twice as many as came, so they never pile up. */
const FORGET_TOGETHER_COUNT = 512;

/** Keeps the ids of the messages that were processed, in the database of their effects. */
export class Inbox {
  readonly #database: SqlDatabase;
  readonly #table: string;
  readonly #name: string;
  readonly #keepMs: number;
  readonly #clock: Clock;
  readonly #insert: SqlStatement;
  #claimedCount = 0;

  /** `MQ_INVALID_ARGUMENT`, or what the database throws. */
  constructor(options: InboxOptions) {
    checkOptions('options', options, ['database', 'table', 'name', 'keepMs', 'clock']);
    this.#database = checkDatabase('options.database', options?.database);
    const table = checkTableName('options.table', options.table, 'inbox');
    const { name = 'default', keepMs } = options;
    if (typeof name !== 'string' || name === '') throw invalidArgument('options.name', 'a name', name);
    this.#table = table;
    this.#name = name;
    this.#keepMs = checkInteger('options.keepMs', keepMs, { min: 1, max: KEEP_MS_MAX, fallback: KEEP_MS });
    this.#clock = checkClock('options.clock', options.clock);
    this.#database.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (name TEXT NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL,
         processedAt INTEGER NOT NULL, PRIMARY KEY (name, topic, id)) WITHOUT ROWID;
       CREATE INDEX IF NOT EXISTS ${table}_by_time ON ${table} (processedAt);`,
    );
    this.#insert = this.#database.prepare(
      `INSERT OR IGNORE INTO ${table} (name, topic, id, processedAt) VALUES (?, ?, ?, ?)`,
    );
  }

  /**
   * Does `work` in a transaction of its own, unless it was done before; answers whether it did. What `work` throws undoes
   * all of it. `work` is synchronous: a promise would end after the transaction, so it is `MQ_INVALID_ARGUMENT`.
   */
  once(message: MessageName, work: () => void): boolean {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const isNew = this.claim(message);
      if (isNew) refusePromise(work());
      this.#database.exec('COMMIT');
      return isNew;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** For a transaction of the caller's: false when the message was processed before; else it is from that commit on. */
  claim({ topic, id }: MessageName): boolean {
    const now = this.#clock.now();
    const { changes } = this.#insert.run(this.#name, topic, id, now);
    if (Number(changes) === 0) return false;
    this.#claimedCount += 1;
    if (this.#claimedCount % LOOK_EVERY_COUNT === 0) this.#forgetOld(now);
    return true;
  }

  /** Ids that are kept now, of all names. */
  get keptCount(): number {
    const row = this.#database.prepare(`SELECT count(*) AS kept FROM ${this.#table}`).get() as {
      readonly kept: number;
    };
    return Number(row.kept);
  }

  #forgetOld(now: number): void {
    const old = `SELECT name, topic, id FROM ${this.#table} WHERE processedAt < ? LIMIT ${FORGET_TOGETHER_COUNT}`;
    const statement = this.#database.prepare(`DELETE FROM ${this.#table} WHERE (name, topic, id) IN (${old})`);
    statement.run(now - this.#keepMs);
  }
}

function refusePromise(answer: unknown): void {
  if (typeof answer !== 'object' || answer === null || !('then' in answer)) return;
  Promise.resolve(answer).catch(() => undefined); // what it comes to is nobody's any more
  throw new MqError('MQ_INVALID_ARGUMENT', 'work must be synchronous: its transaction ends when it returns', {
    details: { path: 'work' },
  });
}
