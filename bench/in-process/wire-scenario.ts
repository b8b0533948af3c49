/**
 * What a message costs that comes over a wire, in each of the forms we read: text and binary, nothing stored.
 *
 *     bytes as a socket hands them over, 64 KiB at a time --> reader of the door --> one frame, with its body, after the other
 *
 * Always true: every contestant reads the same numbered messages of 100 bytes, each as a client of that protocol sends it,
 * persistent and with a wish for an answer; all of them come out.
 */
import { Buffer } from 'node:buffer';
import { FrameReader as TcpFrameReader } from '../../stages/4-persisted-log/doors/tcp/frame.ts';
import { FrameWriter } from '../../stages/4-persisted-log/doors/tcp/frame-writer.ts';
import { readSend, writeSend } from '../../stages/4-persisted-log/doors/tcp/requests.ts';
import { decode } from '../../stages/5-robust-broker/doors/mqtt/decode.ts';
import { PacketReader } from '../../stages/5-robust-broker/doors/mqtt/packet-reader.ts';
import { decodeCommand, encodeCommand } from '../../stages/5-robust-broker/doors/openwire/codec.ts';
import { FrameCutter } from '../../stages/5-robust-broker/doors/openwire/frame-cutter.ts';
import { NOTHING_SAID } from '../../stages/5-robust-broker/doors/openwire/messages.ts';
import { FrameReader as StompFrameReader } from '../../stages/5-robust-broker/doors/stomp/frame-reader.ts';
import type { Contestant, Scenario } from '../race.ts';
import { BODY_BYTES } from '../tally.ts';
import { type NumberedMessage, passContestant, type Racer, type Received } from './pass.ts';

const PASS_COUNT = 10_000;
const PIECE_BYTES = 64 * 1024;
const FRAME_BYTES_MAX = 1024 * 1024;
const TOPIC = 'orders.eu';

/** How one protocol writes a message, and what reads it again, piece by piece. */
interface Wire {
  readonly encode: (body: Uint8Array, number: number) => Uint8Array;
  readonly open: (onBody: (body: Uint8Array) => void) => (piece: Buffer) => void;
}

export function wireScenario(runMs: number): Scenario {
  const racer = (wire: Wire) => (received: Received) => new WireRacer(wire, received);
  const contestant = (name: string, wire: Wire): Contestant =>
    passContestant({ name, role: 'stage', start: racer(wire), passCount: PASS_COUNT, runMs });
  return {
    name: 'wires',
    title: 'Reading messages off a wire: text and binary',
    how: `One message of ${BODY_BYTES} bytes a frame, as a client sends it. A million a second is 1 us each.`,
    contestants: [
      contestant('JSON, as over HTTP (text)', JSON_WIRE),
      contestant('STOMP (text)', STOMP),
      contestant('MQTT (binary)', MQTT),
      contestant('OpenWire (binary)', OPENWIRE),
      contestant('TCP door (binary)', TCP),
    ],
  };
}

class WireRacer implements Racer {
  readonly #wire: Wire;
  readonly #read: (piece: Buffer) => void;
  /** Made once, untimed but for the first pass, which is a warm-up. */
  #pieces: Buffer[] | undefined;

  constructor(wire: Wire, received: Received) {
    this.#wire = wire;
    this.#read = wire.open(received);
  }

  async pass(messages: readonly NumberedMessage[]): Promise<void> {
    this.#pieces ??= piecesOf(messages.map(({ body }, number) => this.#wire.encode(body, number)));
    for (const piece of this.#pieces) this.#read(piece);
  }
}

function piecesOf(frames: readonly Uint8Array[]): Buffer[] {
  const all = Buffer.concat(frames);
  const pieces: Buffer[] = [];
  for (let from = 0; from < all.length; from += PIECE_BYTES) pieces.push(all.subarray(from, from + PIECE_BYTES));
  return pieces;
}

const JSON_WIRE: Wire = {
  encode: (body) => Buffer.from(`${JSON.stringify({ body: Buffer.from(body).toString(), timeoutMs: 0 })}\n`),
  open: (onBody) => {
    let rest = '';
    return (piece) => {
      const lines = (rest + piece.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onBody(Buffer.from((JSON.parse(line) as { readonly body: string }).body));
    };
  },
};

const STOMP: Wire = {
  encode: (body, number) => {
    const head = `SEND\ndestination:/queue/${TOPIC}\npersistent:true\nreceipt:${number}\ncontent-length:${body.length}\n\n`;
    return Buffer.concat([Buffer.from(head), body, Buffer.alloc(1)]);
  },
  open: (onBody) => {
    const limits = { headersCountMax: 100, headerBytesMax: 1000, headBytesMax: 10_000, bodyBytesMax: FRAME_BYTES_MAX };
    const reader = new StompFrameReader({ ...limits, onFrame: ({ body }) => onBody(body) });
    reader.version = '1.2';
    return (piece) => reader.push(piece);
  },
};

const MQTT: Wire = {
  encode: (body, number) => {
    const head = [0x32, 0, 0, TOPIC.length, ...Buffer.from(TOPIC), 0, (number % 255) + 1];
    head[1] = head.length - 2 + body.length;
    return Buffer.concat([Buffer.from(head), body]);
  },
  open: (onBody) => {
    const onPacket = (head: number, content: Buffer): void => {
      const packet = decode(head, content, 4);
      if (packet.type === 'publish') onBody(packet.payload);
    };
    const reader = new PacketReader({ packetBytesMax: FRAME_BYTES_MAX, onPacket });
    return (piece) => reader.push(piece);
  },
};

const PRODUCER = { connectionId: 'ID:bench-1234-1:1', value: 1, sessionId: 1 };

const OPENWIRE: Wire = {
  encode: (body, number) =>
    encodeCommand(
      {
        ...NOTHING_SAID,
        type: 'BytesMessage',
        ...{ commandId: number, responseRequired: true, isPersistent: true, priority: 4, content: Buffer.from(body) },
        ...{ producerId: { type: 'ProducerId', ...PRODUCER }, destination: { type: 'Queue', physicalName: TOPIC } },
      },
      12,
    ),
  open: (onBody) => {
    const cutter = new FrameCutter(FRAME_BYTES_MAX, (frame) => {
      const command = decodeCommand(frame, 12);
      if (command.type === 'BytesMessage' && command.content !== null) onBody(command.content);
    });
    return (piece) => cutter.push(piece);
  },
};

const TCP: Wire = {
  encode: (bytes, number) => {
    const out = new FrameWriter();
    const request = { topic: TOPIC, partition: undefined, timeoutMs: undefined, isCancellable: false };
    writeSend(out, number, { ...request, isSingle: true, isBatch: false, wantsIds: false, bytes });
    return Buffer.concat(out.take().map((piece) => Buffer.from(piece)));
  },
  open: (onBody) => {
    const onFrame = (_type: number, _id: number, content: Uint8Array): void => onBody(readSend(content).bytes);
    const reader = new TcpFrameReader({ frameBytesMax: FRAME_BYTES_MAX, onFrame });
    return (piece) => reader.push(piece);
  },
};
