/**
 * Runs the example: a shop, a relay, billing and a broker, each a process of its own, and kills one of them with -9 again and
 * again until every order is billed.
 *
 *     npx node docs/examples/outbox/run.ts                      1,000 orders
 *
 * Always true: the seed decides who is killed and after how long; what the machine makes of it differs from run to run.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import { SystemClock } from '../../../shared/clock.ts';
import { SeededRandom } from '../../../shared/random.ts';
import { Billing, Shop } from './shop.ts';

const PROCESS = join(import.meta.dirname, 'process.ts');
const ROLES = ['broker', 'shop', 'relay', 'billing'] as const;
const LIFE_MS_MAX = 1500;

type Role = (typeof ROLES)[number];

/** What the run came to. */
export interface OutboxRun {
  /** `number:price`, in order. */
  readonly orders: readonly string[];
  readonly invoices: readonly string[];
  readonly killCounts: Readonly<Record<Role, number>>;
}

/** Kills so often, then lets it finish. */
export async function runOutbox({
  seed,
  orderCount,
  killCount,
}: {
  readonly seed: number;
  readonly orderCount: number;
  readonly killCount: number;
}): Promise<OutboxRun> {
  const folder = mkdtempSync(join(tmpdir(), 'stagemq-outbox-'));
  const random = new SeededRandom(seed);
  const port = await freePort();
  const killCounts: Record<Role, number> = { broker: 0, shop: 0, relay: 0, billing: 0 };
  const running = new Map<Role, ChildProcess>();
  const start = (role: Role, orders: number): void => {
    const child = spawn(process.execPath, [PROCESS, role, folder, String(port), String(orders)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    running.set(role, child);
  };
  try {
    for (let kill = 0; kill < killCount; kill += 1) {
      // The shop goes on a little in each life, so that there is something to lose until the last one.
      const orders = Math.ceil((orderCount * (kill + 1)) / (killCount + 1));
      for (const role of ROLES) if (isOver(running.get(role))) start(role, role === 'shop' ? orders : orderCount);
      await pause(random.below(LIFE_MS_MAX));
      const victim = ROLES[random.below(ROLES.length)] ?? 'broker';
      await end(running.get(victim));
      killCounts[victim] += 1;
    }
    await end(running.get('shop'));
    start('shop', orderCount);
    while (running.get('billing')?.exitCode !== 0) {
      for (const role of ROLES) if (isOver(running.get(role)) && !isDone(running.get(role))) start(role, orderCount);
      await Promise.race([...running.values()].filter((child) => !isOver(child)).map((child) => once(child, 'exit')));
    }
    await Promise.all([...running.values()].map(end));
    const { orders, invoices } = resultIn(folder);
    return { orders, invoices, killCounts };
  } finally {
    await Promise.all([...running.values()].map(end));
    rmSync(folder, { recursive: true });
  }
}

function resultIn(folder: string): Pick<OutboxRun, 'orders' | 'invoices'> {
  const [shop, billing] = [new DatabaseSync(join(folder, 'shop.db')), new DatabaseSync(join(folder, 'billing.db'))];
  try {
    return { orders: new Shop(shop).orders(), invoices: new Billing(billing).invoices() };
  } finally {
    shop.close();
    billing.close();
  }
}

function isOver(child: ChildProcess | undefined): boolean {
  return child === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** It ended by itself, and well. */
function isDone(child: ChildProcess | undefined): boolean {
  return child?.exitCode === 0;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || isOver(child)) return;
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => void new SystemClock().setTimer(resolve, ms));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

if (import.meta.main) {
  const { orders, invoices, killCounts } = await runOutbox({ seed: 1, orderCount: 1000, killCount: 40 });
  const isSame = orders.length === invoices.length && orders.every((order, index) => order === invoices[index]);
  console.log(`${orders.length} orders, ${invoices.length} invoices; killed: ${JSON.stringify(killCounts)}`);
  console.log(isSame ? 'one invoice for each order' : 'NOT the same');
  process.exitCode = isSame ? 0 : 1;
}
