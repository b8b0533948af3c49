/**
 * Delayed messages: many at once, due at times of their own; how late each arrives by push at a client.
 *
 * Always true: due times and arrivals are told by the clock of one machine; a message before its time counts as lost
 * time of the whole: the answer is then no number.
 */
import { createHistogram } from 'node:perf_hooks';
import { SeededRandom } from '../../shared/random.ts';
import { latencyOf } from '../http-door/closed-loop.ts';
import type { Plan } from '../plan.ts';
import type { Figure } from '../report.ts';
import { reached } from '../servers/deadline.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { numberedBody, numberIn, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';
import { formatThree } from '../text-table.ts';

const TOPIC = 'bench-timers';
const BATCH_COUNT = 500;
/** Until the first is due: enough to send them all. */
const LEAD_MS = 3000;
const LATE_MS_MAX = 20_000;
const SEED = 1;

export async function measureTimers({ timersCount, timersMs }: Plan): Promise<Figure> {
  const server = await ServerProcess.start('stage-4-tcp', { flushPolicy: 'always' });
  try {
    await using broker = await createRemote(server.url);
    const random = new SeededRandom(SEED);
    const tally = new Tally(timersCount);
    const lateUs = createHistogram();
    let earlyCount = 0;
    let arrivedCount = 0;
    await broker.createTopic(TOPIC);
    const firstAt = Date.now() + LEAD_MS;
    const dueAt = Array.from({ length: timersCount }, () => firstAt + random.below(timersMs));
    const subscription = await broker.subscribe(TOPIC, { creditMax: timersCount }, (delivery) => {
      const number = numberIn(delivery.body);
      const lateMs = Date.now() - (dueAt[number] ?? 0);
      if (lateMs < 0) earlyCount += 1;
      lateUs.record(Math.max(1, Math.round(lateMs * 1000)));
      tally.received(number);
      arrivedCount += 1;
      void broker.ack([delivery]);
    });
    for (let first = 0; first < timersCount; first += BATCH_COUNT) {
      const some = dueAt.slice(first, first + BATCH_COUNT);
      await broker.sendBatch(
        TOPIC,
        some.map((deliverAt, index) => ({ body: numberedBody(first + index), deliverAt })),
      );
      for (let number = first; number < first + some.length; number += 1) tally.sent(number);
    }
    const sentInTime = Date.now() < firstAt;
    const msMax = LEAD_MS + timersMs + LATE_MS_MAX;
    await reached(() => arrivedCount >= timersCount, { msMax, otherwise: 'not all delayed messages arrived' });
    await subscription.close();
    const { p50Us, p99Us, maxUs } = latencyOf(lateUs);
    const ms = (us: number): string => `${formatThree(us / 1000)} ms`;
    const details =
      `${timersCount.toLocaleString('en')} messages due within ${timersMs} ms, ${earlyCount} early; late by ` +
      `${ms(p50Us)} in the median, ${ms(p99Us)} for 99 %, at most ${ms(maxUs)}` +
      (sentInTime ? '' : '; the first were due before the last were sent');
    return { value: earlyCount === 0 ? p99Us / 1000 : Number.POSITIVE_INFINITY, details, counts: tally.counts };
  } finally {
    await server.stop();
  }
}
