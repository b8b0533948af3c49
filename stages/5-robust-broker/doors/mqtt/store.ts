/**
 * What the door must not forget: sessions, packet ids that are in use, retained messages. Where messages are is the broker's.
 *
 *     put, delete --> waiting --all of one turn in one transaction--> file          commit: resolves when it is there
 *
 * Always true: `commit` resolves when everything that was put before it is on the disk, and costs nothing where nothing was;
 * one process has the file; after a failed write nothing more is promised. Without a file nothing is written, and everything is
 * gone with the process.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { MqError } from '../../../../shared/contract/errors.ts';

/** What is kept: each kind has its own keys. */
export type StoredKind = 'session' | 'inbound' | 'outbound' | 'retained';

export interface DoorStore {
  /** False: what is put is not kept, and need not be made. */
  readonly isDurable: boolean;
  /** `value`: plain JSON. */
  put(kind: StoredKind, key: string, value: object): void;
  delete(kind: StoredKind, key: string): void;
  all(kind: StoredKind): Iterable<readonly [key: string, value: unknown]>;
  /** Undefined when there is nothing to wait for. Rejects with `MQ_STORAGE_FAILED`. */
  commit(): Promise<void> | undefined;
  close(): Promise<void>;
}

const VERSION = 1;

/** `file` undefined: in memory. `MQ_DATA_LOCKED` when another process has it, `MQ_DATA_VERSION` when it is not ours. */
export function openStore(file: string | undefined): DoorStore {
  return file === undefined ? new NoStore() : new FileStore(file);
}

class NoStore implements DoorStore {
  readonly isDurable = false;

  put(): void {}

  delete(): void {}

  all(): Iterable<readonly [string, unknown]> {
    return [];
  }

  commit(): undefined {
    return undefined;
  }

  async close(): Promise<void> {}
}

class FileStore implements DoorStore {
  readonly isDurable = true;
  readonly #database: DatabaseSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  #waiting: (() => void)[] = [];
  #committing: Promise<void> | undefined;
  #failure: MqError | undefined;
  #isClosed = false;

  constructor(file: string) {
    this.#database = openDatabase(file);
    this.#put = this.#database.prepare('INSERT OR REPLACE INTO entries (kind, key, value) VALUES (?, ?, ?)');
    this.#delete = this.#database.prepare('DELETE FROM entries WHERE kind = ? AND key = ?');
  }

  put(kind: StoredKind, key: string, value: object): void {
    const text = JSON.stringify(value);
    this.#waiting.push(() => this.#put.run(kind, key, text));
  }

  delete(kind: StoredKind, key: string): void {
    this.#waiting.push(() => this.#delete.run(kind, key));
  }

  *all(kind: StoredKind): Iterable<readonly [string, unknown]> {
    const rows = this.#database.prepare('SELECT key, value FROM entries WHERE kind = ? ORDER BY rowid').all(kind);
    for (const { key, value } of rows) yield [String(key), JSON.parse(String(value))];
  }

  commit(): Promise<void> | undefined {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#waiting.length === 0) return this.#committing;
    // What else comes in this turn goes with it.
    this.#committing ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        this.#committing = undefined;
        try {
          this.#write();
          resolve();
        } catch (error) {
          reject(error);
        }
      });
    });
    return this.#committing;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      await this.commit();
    } finally {
      this.#database.close();
    }
  }

  #write(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      this.#database.exec('BEGIN');
      for (const run of waiting) run();
      this.#database.exec('COMMIT');
    } catch (cause) {
      this.#failure = new MqError('MQ_STORAGE_FAILED', 'sessions of MQTT cannot be written', { cause });
      throw this.#failure;
    }
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
    const version = database.prepare('PRAGMA user_version').get()?.user_version;
    if (version !== 0 && version !== VERSION) {
      throw new MqError('MQ_DATA_VERSION', `${file} has version ${String(version)}; this is version ${VERSION}`);
    }
    database.exec(`
      CREATE TABLE IF NOT EXISTS entries (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL);
      CREATE UNIQUE INDEX IF NOT EXISTS entries_by_key ON entries (kind, key);
      PRAGMA user_version = ${VERSION}`);
    return database;
  } catch (error) {
    database.close();
    if (error instanceof Error && /locked|busy/.test(error.message)) {
      throw new MqError('MQ_DATA_LOCKED', `another process works on ${file}`, { cause: error });
    }
    throw error;
  }
}
