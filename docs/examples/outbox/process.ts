/**
 * One of the four processes of the example:
 *
 *     node process.ts broker  <folder> <port>              keeps `broker/`, listens
 *     node process.ts shop    <folder> <port> <orders>     places that many orders, and ends
 *     node process.ts relay   <folder> <port>              carries the outbox to the broker, until it is killed
 *     node process.ts billing <folder> <port> <orders>     bills what comes, and ends when there are that many invoices
 *
 * Always true: each may be killed with -9 at any moment and started again. run.ts does both.
 */
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { Consumer, OutboxRelay } from '../../../shared/client/index.ts';
import { SystemClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { isMqError } from '../../../shared/contract/errors.ts';
import { createTcpClient, createTcpServer } from '../../../stages/4-persisted-log/index.ts';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import { Billing, GROUP, Shop, TOPIC } from './shop.ts';

/** A lease of somebody who was killed ends so soon. */
const LEASE_MS = 1000;

const [role = '', folder = '', port = '', orders = '0'] = process.argv.slice(2);

/** A connection of its own; it waits while another process writes. */
function open(name: string): DatabaseSync {
  const database = new DatabaseSync(join(folder, name), { timeout: 10_000 });
  database.exec('PRAGMA journal_mode = WAL');
  return database;
}

/** The broker may be away just now. */
async function connect(): Promise<Broker> {
  for (;;) {
    try {
      return await createTcpClient(`mq://127.0.0.1:${port}`);
    } catch (error) {
      if (!isMqError(error) || !error.isRetriable) throw error;
      await new Promise((resolve) => void new SystemClock().setTimer(() => resolve(undefined), 50));
    }
  }
}

const roles: Readonly<Record<string, () => Promise<void>>> = {
  async broker() {
    const broker = await createBroker({ dataFolder: join(folder, 'broker') });
    await broker.createTopic(TOPIC, { partitionCount: 3 });
    await createTcpServer(broker, { port: Number(port) });
    console.log('ready');
  },

  async shop() {
    const shop = new Shop(open('shop.db'));
    for (let number = shop.orderCount; number < Number(orders); number += 1) {
      shop.placeOrder(number, 1 + (number % 100));
      if (number % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  },

  async relay() {
    const { outbox } = new Shop(open('shop.db'));
    const broker = await connect();
    new OutboxRelay({ outbox, broker, pollMs: 20 }).start();
  },

  async billing() {
    const billing = new Billing(open('billing.db'));
    const broker = await connect();
    const consumer = new Consumer({ broker, topic: TOPIC, group: GROUP, leaseMs: LEASE_MS, prefetchCount: 20 });
    await consumer.onMessage(async (message) => {
      billing.bill(message.delivery);
      if (billing.invoices().length < Number(orders)) return;
      await message.ack();
      process.exit();
    });
  },
};

await roles[role]?.();
