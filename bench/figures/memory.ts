/**
 * Memory under messages that wait: those of 1 KiB are sent and nobody receives them; then all are received and counted.
 *
 * Always true: what counts is the most memory the operating system has counted for the server's process, from its start
 * until the last message was received; the topic has a group from the start, so that its state counts too.
 */
import type { Message } from '../../shared/contract/message.ts';
import type { Plan } from '../plan.ts';
import type { Figure } from '../report.ts';
import { ServerProcess } from '../servers/server-process.ts';
import { numberedBody, numberIn, Tally } from '../tally.ts';
import { createRemote } from '../targets.ts';
import { formatBytes } from '../text-table.ts';

const TOPIC = 'bench-memory';
const GROUP = 'bench';
const MESSAGE_BYTES = 1024;
const BATCH_COUNT = 500;
const SENDERS_COUNT = 8;
const RECEIVE = { group: GROUP, max: 1024, bytesMax: 2 * 1024 * 1024 } as const;

export async function measureMemory({ waitingCount }: Plan): Promise<Figure> {
  const server = await ServerProcess.start('stage-4-tcp', { flushPolicy: 'always' });
  try {
    const before = await server.memory();
    await using broker = await createRemote(server.url);
    const tally = new Tally(waitingCount);
    await broker.createTopic(TOPIC);
    await broker.createGroup(TOPIC, GROUP);
    let next = 0;
    const sendRest = async (): Promise<void> => {
      while (next < waitingCount) {
        const first = next;
        next = Math.min(waitingCount, next + BATCH_COUNT);
        const messages = Array.from({ length: next - first }, (_, index) => messageOf(first + index));
        await broker.sendBatch(TOPIC, messages);
        for (let number = first; number < first + messages.length; number += 1) tally.sent(number);
      }
    };
    await Promise.all(Array.from({ length: SENDERS_COUNT }, sendRest));
    const filled = await server.memory();
    for (;;) {
      const deliveries = await broker.receive(TOPIC, RECEIVE);
      if (deliveries.length === 0) break;
      for (const { body } of deliveries) tally.received(numberIn(body));
      await broker.ack(deliveries);
    }
    const emptied = await server.memory();
    const resident = [before, filled, emptied].map(({ residentBytes }) => formatBytes(residentBytes)).join(' / ');
    const details =
      `${waitingCount.toLocaleString('en')} messages of 1 KiB; resident before, with all of them waiting, and when all ` +
      `were received and acked: ${resident}; at most, while it was filled, ${formatBytes(filled.residentBytesMax)}`;
    return { value: emptied.residentBytesMax, details, counts: tally.counts };
  } finally {
    await server.stop();
  }
}

function messageOf(number: number): Message {
  const body = new Uint8Array(MESSAGE_BYTES).fill(0x2e);
  body.set(numberedBody(number));
  return { body };
}
