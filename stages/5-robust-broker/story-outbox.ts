/**
 * The part of the story in which a database belongs to what has to be all or nothing: an order and the message about it, and
 * at the other end the message and its effect. The database is SQLite in memory; its transactions are real.
 *
 * Always true: what a `saw` line says was read from the database and from the broker. Only the story uses it.
 */
import { DatabaseSync } from 'node:sqlite';
import { Inbox } from '../../shared/client/inbox.ts';
import { Outbox } from '../../shared/client/outbox.ts';
import { OutboxRelay } from '../../shared/client/outbox-relay.ts';
import type { Clock } from '../../shared/clock.ts';
import { call, type StoryLine, saw, say, title } from '../../shared/lesson.ts';
import type { Random } from '../../shared/random.ts';
import type { Machine } from '../4-persisted-log/story-machine.ts';

/** What the story is told with: its time passes when it says so. */
interface World {
  readonly clock: Clock & { pass(ms: number): Promise<void> };
  readonly random: Random;
}

const LEASE_MS = 30_000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** The relay looks that often, in virtual time. */
const LOOKS_COUNT_MAX = 100;
const LOOK_MS = 200;

export async function* ordersThroughAnOutbox(machine: Machine, world: World): AsyncGenerator<StoryLine> {
  yield title('A database and a broker', '数据库与 broker');
  yield say(
    'No broker can commit together with your database. So the message goes into the database first, with the order.',
    '没有哪个 broker 能与你的数据库一起提交。所以消息先随订单写进数据库。',
  );
  await machine.broker.createTopic('emails', { dedupWindowMs: DAY_MS });
  using database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE orders (name TEXT); CREATE TABLE sent (name TEXT)');
  const outbox = new Outbox({ database, random: world.random });
  yield* anOrder(database, outbox);
  yield* theRelay(machine, outbox, world);
  yield* theOtherEnd(machine, database, world);
}

async function* anOrder(database: DatabaseSync, outbox: Outbox): AsyncGenerator<StoryLine> {
  for (const end of ['ROLLBACK', 'COMMIT']) {
    yield call(`BEGIN; INSERT INTO orders ...; outbox.add('emails', { body: 'tea ordered' }); ${end}`);
    database.exec('BEGIN');
    database.exec("INSERT INTO orders VALUES ('tea')");
    outbox.add('emails', { body: 'tea ordered' });
    database.exec(end);
    const orders = countOf(database, 'orders');
    yield saw(
      `orders: ${orders}, messages that wait: ${outbox.waitingCount}`,
      `订单：${orders}，等待的消息：${outbox.waitingCount}`,
    );
  }
}

async function* theRelay(machine: Machine, outbox: Outbox, { clock, random }: World): AsyncGenerator<StoryLine> {
  yield say(
    'A relay carries it to the broker, and is killed after the send, before it could cross it off. Another one begins.',
    '中继把它送到 broker，在发送之后、划掉之前被杀死。另一个中继接着开始。',
  );
  const [row] = outbox.first({ countMax: 1, bytesMax: 1 });
  if (row === undefined) throw new Error('the story expects a message that waits');
  await machine.broker.send(row.topic, row.message);
  await machine.cutPower();
  yield call('relay = new OutboxRelay({ outbox, broker }); relay.start()');
  const relay = new OutboxRelay({ outbox, broker: machine.broker, clock, random });
  relay.start();
  for (let look = 0; look < LOOKS_COUNT_MAX && outbox.waitingCount > 0; look += 1) await clock.pass(LOOK_MS);
  const { sentCount, duplicateCount } = relay.state;
  await relay.close();
  const { records } = await machine.broker.fetch('emails', { max: 10 });
  yield saw(
    `sent ${sentCount}, of which the broker had ${duplicateCount}; the topic has ${records.length}, ${outbox.waitingCount} wait`,
    `发送 ${sentCount} 条，其中 broker 已有 ${duplicateCount} 条；主题里有 ${records.length} 条，等待的 ${outbox.waitingCount} 条`,
  );
}

async function* theOtherEnd(machine: Machine, database: DatabaseSync, { clock }: World): AsyncGenerator<StoryLine> {
  yield say(
    'At the other end the id goes into the database together with the effect. The consumer dies before its ack.',
    '在另一端，id 与效果一起写进数据库。消费者在确认之前死去。',
  );
  const inbox = new Inbox({ database, clock });
  yield call('for (;;) { inbox.once(delivery, () => INSERT INTO sent ...); ack([delivery]) }');
  const done: boolean[] = [];
  let deliveryCount = 0;
  for (const isAcked of [false, true]) {
    const [delivery] = await machine.broker.receive('emails');
    if (delivery === undefined) throw new Error('the story expects a delivery');
    done.push(inbox.once(delivery, () => database.exec("INSERT INTO sent VALUES ('tea')")));
    deliveryCount = delivery.deliveryCount;
    if (isAcked) await machine.broker.ack([delivery]);
    else await clock.pass(LEASE_MS);
  }
  const effects = countOf(database, 'sent');
  yield saw(
    `delivered ${deliveryCount} times, done ${done.filter(Boolean).length} time: ${effects} email`,
    `投递 ${deliveryCount} 次，执行 ${done.filter(Boolean).length} 次：${effects} 封邮件`,
  );
}

function countOf(database: DatabaseSync, table: 'orders' | 'sent'): number {
  const row = database.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { readonly count: number };
  return Number(row.count);
}
