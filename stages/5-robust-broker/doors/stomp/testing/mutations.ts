/**
 * Mutation of valid conversations: bits flipped, bytes cut out, doubled, swapped, lengths and commands changed, and what comes
 * of it at a server, while another client works.
 *
 * Always true: the same seed makes the same mutants. A mutant may be answered, refused or cut off, as it likes; the server
 * is as it was before, and the other client never waits.
 */
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { Random } from '../../../../../shared/random.ts';
import { type MutationRun, runMutants } from '../../../../4-persisted-log/doors/testing/mutant-run.ts';
import { COMMANDS } from '../frame.ts';
import { createStompServer } from '../server.ts';
import { Peer, wire } from './peer.ts';

/** Sends `count` mutants to a server in front of `broker`. */
export async function sendMutants(broker: Broker, run: MutationRun): Promise<void> {
  const defects: unknown[] = [];
  await using server = await createStompServer(broker, {
    onDefect: (error) => defects.push(error),
    handshakeTimeoutMs: 5000,
  });
  const client = await Peer.connected(server.port);
  const control = (sent: number): Promise<void> => client.asks('SEND', { destination: '/queue/control' }, String(sent));
  const clear = async (): Promise<void> => {
    for (const { topic } of await broker.describeTopics()) await broker.deleteTopic(topic).catch(() => undefined);
  };
  await runMutants({ server, defects, mutate, control, clear }, run);
  client.destroy();
}

/** Valid ones, frame by frame. */
const CONVERSATIONS: readonly (readonly Buffer[])[] = [
  [
    'CONNECT\naccept-version:1.0,1.1,1.2\nhost:x\nheart-beat:1000,1000\n\n^@',
    'SUBSCRIBE\nid:s\ndestination:/queue/m\nack:client\nprefetch-count:5\n\n^@',
    'SEND\ndestination:/queue/m\ncontent-type:text/plain\nfoo:a\\nb\\cc\nreceipt:1\n\nhello^@\n',
    'SEND\ndestination:/queue/m\ncontent-length:5\nfoo:1\nfoo:2\n\na\0b\0c^@',
    'ACK\nid:1\nreceipt:2\n\n^@NACK\nid:2\n\n^@',
    'UNSUBSCRIBE\nid:s\n\n^@DISCONNECT\nreceipt:9\n\n^@',
  ],
  [
    'STOMP\r\naccept-version:1.2\r\nclient-id:m\r\nlogin:a\r\npasscode:b\r\n\r\n^@',
    'BEGIN\r\ntransaction:t\r\n\r\n^@',
    'SEND\r\ndestination:/queue/m\r\ntransaction:t\r\npriority:4\r\nexpires:99999999999999\r\n\r\nin^@',
    'COMMIT\ntransaction:t\nreceipt:1\n\n^@BEGIN\ntransaction:t\n\n^@',
    'SEND\ndestination:/topic/m\ntransaction:t\n\nin^@ABORT\ntransaction:t\n\n^@',
  ],
  [
    'CONNECT\n\n^@',
    'SUBSCRIBE\ndestination:/topic/m\nack:client-individual\nselector:foo > 3\n\n^@',
    'SEND\ndestination:/topic/m\nfoo:4\npersistent:true\n\nhello^@',
    'ACK\nmessage-id:x-1\n\n^@UNSUBSCRIBE\ndestination:/topic/m\n\n^@',
  ],
  [
    'CONNECT\naccept-version:1.1\nclient-id:m\n\n^@',
    'SUBSCRIBE\nid:d\ndestination:/topic/m\nactivemq.subscriptionName:n\n\n^@',
    'SUBSCRIBE\nid:r\ndestination:/temp-queue/mine\n\n^@',
    'SEND\ndestination:/topic/m\nreply-to:/temp-queue/mine\ndelay:10\namq-msg-type:text\n\nhello^@',
    'SEND\ndestination:/temp-queue/mine\n\nanswer^@UNSUBSCRIBE\nid:d\nactivemq.subscriptionName:n\n\n^@',
  ],
].map((frames) => frames.map(wire));

/** One conversation with one to four things wrong. */
function mutate(random: Random): Uint8Array {
  const frames = [...(CONVERSATIONS[random.below(CONVERSATIONS.length)] ?? [])];
  // The greeting mostly stays right, so that what is wrong gets further than that.
  const from = random.below(10) === 0 ? 0 : 1;
  for (let left = 1 + random.below(4); left > 0; left -= 1) {
    const at = from + random.below(frames.length - from);
    frames[at] = mutateFrame(frames[at] ?? Buffer.alloc(0), random);
  }
  if (random.below(4) === 0) frames.splice(from + random.below(frames.length - from), 1);
  return Buffer.concat(frames);
}

function mutateFrame(frame: Buffer, random: Random): Buffer {
  const bytes = Buffer.from(frame);
  if (bytes.length < 10) return bytes;
  const at = random.below(bytes.length);
  const text = (): string => bytes.toString('latin1');
  switch (random.below(9)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      bytes[at] = [0, 10, 13, 58, 92, 0xff][random.below(6)] ?? 0;
      return bytes;
    case 2: // another command
      return Buffer.from(text().replace(/^[A-Z]+/, [...COMMANDS.keys()][random.below(COMMANDS.size)] ?? ''), 'latin1');
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(at + 1))]);
    case 5: // numbers
      return Buffer.from(text().replace(/:\d+/g, `:${[0, -1, 2 ** 31, 10 ** 20, 'x'][random.below(5)]}`), 'latin1');
    case 6: // a wrong length of the body
      return Buffer.from(text().replace('\n', `\ncontent-length:${random.below(60)}\n`), 'latin1');
    case 7: // many headers
      return Buffer.from(text().replace('\n', `\n${`${random.hex(2)}:x\n`.repeat(1 + random.below(300))}`), 'latin1');
    default: // a line of another frame
      return Buffer.from(text().replace(/\n[^\n]*\n/, `\ndestination:/queue/${random.hex(1)}\n`), 'latin1');
  }
}
