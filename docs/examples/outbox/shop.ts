/**
 * A shop that takes orders, and the billing that writes an invoice for each: two applications, each with a database of its
 * own, and a broker between them.
 *
 *     shop.db  [ orders | outbox ] -- relay --> broker "orders" --> [ inbox | invoices ]  billing.db
 *
 * Always true: an order and its message are in one transaction, and so are an invoice and the id of the message it is for.
 */
import type { DatabaseSync } from 'node:sqlite';
import { Inbox, type MessageName, Outbox } from '../../../shared/client/index.ts';

export const TOPIC = 'orders';
export const GROUP = 'billing';

export class Shop {
  readonly outbox: Outbox;
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    database.exec('CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, price INTEGER NOT NULL)');
    this.outbox = new Outbox({ database });
  }

  /** `interrupt` is where a process may die: between the two halves of the transaction. */
  placeOrder(number: number, price: number, interrupt: () => void = () => undefined): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      this.#database.prepare('INSERT INTO orders (number, price) VALUES (?, ?)').run(number, price);
      interrupt();
      this.outbox.add(TOPIC, { key: String(number % 7), body: JSON.stringify({ number, price }) });
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** `number:price` of each order. */
  orders(): string[] {
    return rowsOf(this.#database, 'SELECT number, price FROM orders ORDER BY number');
  }

  get orderCount(): number {
    const { placed } = this.#database.prepare('SELECT count(*) AS placed FROM orders').get() ?? {};
    return Number(placed);
  }
}

export class Billing {
  readonly #database: DatabaseSync;
  readonly #inbox: Inbox;

  constructor(database: DatabaseSync) {
    this.#database = database;
    // No key on `number`: were an order billed twice, both invoices would be there to be seen.
    database.exec('CREATE TABLE IF NOT EXISTS invoices (number INTEGER NOT NULL, price INTEGER NOT NULL)');
    this.#inbox = new Inbox({ database });
  }

  /** False when it was billed before. */
  bill(message: MessageName & { readonly body: Uint8Array }, interrupt: () => void = () => undefined): boolean {
    const { number, price } = JSON.parse(new TextDecoder().decode(message.body));
    return this.#inbox.once(message, () => {
      this.#database.prepare('INSERT INTO invoices (number, price) VALUES (?, ?)').run(number, price);
      interrupt();
    });
  }

  /** `number:price` of each invoice. */
  invoices(): string[] {
    return rowsOf(this.#database, 'SELECT number, price FROM invoices ORDER BY number');
  }
}

function rowsOf(database: DatabaseSync, sql: string): string[] {
  return database
    .prepare(sql)
    .all()
    .map(({ number, price }) => `${number}:${price}`);
}
