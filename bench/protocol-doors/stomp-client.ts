/** A STOMP client of the bench: many frames in one write, and nothing parsed that is not counted. */
import { BODY_BYTES, numberedText, numberIn } from '../tally.ts';
import { RawConnection } from './raw-connection.ts';
import type { LoadClient, LoadEvents } from './window-load.ts';

const [LINE_FEED, CARRIAGE_RETURN, NUL] = [0x0a, 0x0d, 0];
const RECEIPT = 'RECEIPT\nreceipt-id:';
/** How long it waits for the next message before it takes what is missing as lost. */
const IDLE_MS_MAX = 5000;

export async function openStompClient(url: string, queue: string, events: LoadEvents): Promise<LoadClient> {
  const connected = Promise.withResolvers<void>();
  let drained = Promise.withResolvers<void>();
  let [leftCount, idle] = [0, undefined as NodeJS.Timeout | undefined];
  const received = (body: number): void => {
    events.received(body);
    leftCount -= 1;
    idle?.refresh();
    if (leftCount <= 0) drained.resolve();
  };
  const takeFrame = (bytes: Buffer, from: number): number => {
    if (bytes[from] === LINE_FEED || bytes[from] === CARRIAGE_RETURN) return from + 1; // a heart-beat
    const end = bytes.indexOf(NUL, from);
    if (end < 0) return -1;
    const first = String.fromCharCode(bytes[from] ?? 0);
    if (first === 'R') events.sent(receiptOf(bytes, from, end));
    else if (first === 'M') received(numberIn(bytes, end - BODY_BYTES));
    else if (first === 'C') connected.resolve();
    else connected.reject(new Error(`the broker said: ${bytes.toString('utf8', from, end)}`));
    return end + 1;
  };
  const connection = await RawConnection.open(url, takeFrame, () => events.pieceRead());
  connection.write(`CONNECT\naccept-version:1.2\nhost:127.0.0.1\nheart-beat:0,0\n\n\0`);
  await connected.promise;
  const head = `SEND\ndestination:/queue/${queue}\npersistent:true\ncontent-length:${BODY_BYTES}\nreceipt:`;
  return {
    send: (from, count) => {
      let frames = '';
      for (let number = from; number < from + count; number += 1)
        frames += `${head}${number}\n\n${numberedText(number)}\0`;
      connection.write(Buffer.from(frames, 'latin1'));
    },
    drain: async (count) => {
      [leftCount, drained] = [count, Promise.withResolvers()];
      if (count === 0) return;
      idle = setTimeout(() => drained.resolve(), IDLE_MS_MAX);
      connection.write(`SUBSCRIBE\nid:0\ndestination:/queue/${queue}\nack:auto\n\n\0`);
      await drained.promise;
      clearTimeout(idle);
    },
    close: () => connection.close(),
  };
}

/** `RECEIPT\nreceipt-id:<number>\n\n`: the header may stand elsewhere, but no broker here writes another one before it. */
function receiptOf(bytes: Buffer, from: number, end: number): number {
  const frame = bytes.toString('latin1', from, end);
  if (frame.startsWith(RECEIPT)) return Number.parseInt(frame.slice(RECEIPT.length), 10);
  return Number(/\nreceipt-id:(\d+)/.exec(frame)?.[1]);
}
