/**
 * As much of a database as the outbox and the inbox need: a synchronous connection to SQLite. `DatabaseSync` of
 * `node:sqlite` is one, and so is a `Database` of better-sqlite3. Types, and the checks of what is given as one.
 */
import { checkMethods, invalidArgument } from '../contract/validation.ts';

/** A value that SQLite keeps. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** A prepared statement. */
export interface SqlStatement {
  run(...values: SqlValue[]): { readonly changes: number | bigint; readonly lastInsertRowid: number | bigint };
  all(...values: SqlValue[]): unknown[];
  get(...values: SqlValue[]): unknown;
}

/** A connection. */
export interface SqlDatabase {
  exec(sql: string): unknown;
  prepare(sql: string): SqlStatement;
}

export function checkDatabase(path: string, database: SqlDatabase): SqlDatabase {
  checkMethods(path, database, 'a connection to SQLite', ['exec', 'prepare']);
  return database;
}

/** The name of a table as it may stand in SQL without quotes. */
export function checkTableName(path: string, name: string | undefined, fallback: string): string {
  const checked = name ?? fallback;
  if (typeof checked === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(checked)) return checked;
  throw invalidArgument(path, 'letters, digits and underscores, and no digit first', name);
}

/** True while the connection is in a transaction, where it can say so: `isTransaction`, or `inTransaction` elsewhere. */
export function isInTransaction(database: SqlDatabase): boolean {
  return Reflect.get(database, 'isTransaction') === true || Reflect.get(database, 'inTransaction') === true;
}
