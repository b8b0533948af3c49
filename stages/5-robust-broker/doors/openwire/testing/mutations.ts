/**
 * Mutation of what the Java client wrote: bits flipped, bytes cut out, doubled, lengths and types changed, and what comes of it
 * at a server, while another client works.
 *
 * Always true: the same seed makes the same mutants. A mutant may be answered, refused or cut off, as it likes; the server is as
 * it was before, and the other client never waits.
 */
import assert from 'node:assert/strict';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { Random } from '../../../../../shared/random.ts';
import { type FrameShape, mutateFrame } from '../../../../4-persisted-log/doors/testing/mutant-frames.ts';
import { type MutationRun, runMutants } from '../../../../4-persisted-log/doors/testing/mutant-run.ts';
import { ACK } from '../commands.ts';
import { createOpenWireServer } from '../server.ts';
import { recordedConversation, recordedFrames } from './recorded.ts';
import { queue, WireClient } from './wire-client.ts';

const SHAPE: FrameShape = { bytesMin: 6, headBytes: 5, wrongLength: 1 };

/** Sends `count` mutants to a server in front of `broker`. */
export async function sendMutants(broker: Broker, run: MutationRun): Promise<void> {
  const defects: unknown[] = [];
  await using server = await createOpenWireServer(broker, {
    onDefect: (error) => void defects.push(error),
    ...{ sendTimeoutMs: 10, handshakeTimeoutMs: 5000 },
  });
  using client = await new WireClient(server.port, { connectionId: 'ID:control-1:1' }).enter();
  await client.openSession();
  await client.ask(client.consumerInfo(queue('control')));
  const control = async (sent: number): Promise<void> => {
    const answer = await client.ask(client.textMessage(queue('control'), String(sent), sent));
    assert.equal(answer.type, 'Response');
    client.send(client.ackOf(await client.next('MessageDispatch'), ACK.standard));
  };
  const clear = (): Promise<void> => forgetWhatMutantsLeft(broker);
  await runMutants({ server, defects, mutate, control, clear }, run);
}

/** Without it memory and files cannot be compared. */
async function forgetWhatMutantsLeft(broker: Broker): Promise<void> {
  const topics = await broker.describeTopics();
  const theirs = topics.map(({ topic }) => topic).filter((topic) => topic !== 'control' && !topic.startsWith('$'));
  for (const topic of theirs) await broker.deleteTopic(topic);
}

const CONVERSATION = recordedConversation();
const OTHERS = recordedFrames().filter(({ type }) => type !== 'WireFormatInfo' && type !== 'ShutdownInfo');

/** A conversation into which other commands were put, with one to four things wrong. */
function mutate(random: Random): Uint8Array {
  const frames = [...CONVERSATION];
  // The greeting mostly stays right, so that what is wrong gets further than that.
  const from = random.below(10) === 0 ? 0 : 2;
  for (let left = random.below(4); left > 0; left -= 1) {
    const other = OTHERS[random.below(OTHERS.length)];
    if (other !== undefined) frames.splice(from + random.below(frames.length - from), 0, other.bytes);
  }
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = from + random.below(frames.length - from);
    frames[at] = mutateFrame(frames[at] ?? Buffer.alloc(0), SHAPE, random);
  }
  if (random.below(4) === 0) frames.splice(from + random.below(frames.length - from), 1);
  return Buffer.concat(frames);
}
