/** MQTT 3.1.1 clients of the bench, one that publishes with QoS 1 and one that reads: many packets in one write. */
import { BODY_BYTES, numberIn, writeNumber } from '../tally.ts';
import { isPublish, PACKET, packetAt, packetIdAt } from './mqtt-packets.ts';
import { RawConnection, type TakeFrame } from './raw-connection.ts';
import type { LoadClient, LoadEvents } from './window-load.ts';

const CLEAN_SESSION = 2;
/** How long it waits for the next message before it takes what is missing as lost. */
const IDLE_MS_MAX = 5000;
const PUBACK_BYTES = 4;
/** Packet ids are 1 to 65,535. */
const IDS_COUNT = 0xffff;

export interface MqttOptions {
  readonly url: string;
  readonly topic: string;
  /** No client of another run has it. */
  readonly clientId: string;
  /** True: the subscriber is away while they are published; its session keeps them, and it reads them afterwards. */
  readonly isReaderAway?: boolean;
}

export async function openMqttClients(options: MqttOptions, events: LoadEvents): Promise<LoadClient> {
  const { topic, isReaderAway = false } = options;
  let reader = await openReader(options, events);
  if (isReaderAway) await leave(reader);
  const numberOf = new Int32Array(IDS_COUNT + 1);
  const publisher = await connectMqtt(
    options,
    { role: 'publisher', isClean: true },
    {
      onPacket: (type, bytes, at) => {
        if (type === PACKET.puback) events.sent(numberOf[bytes.readUInt16BE(at)] ?? 0);
      },
      onPiece: () => events.pieceRead(),
    },
  );
  const model = publishPacket(topic);
  const idAt = model.length - BODY_BYTES - 2;
  return {
    send: (from, count) => {
      const packets = Buffer.allocUnsafe(model.length * count);
      for (let index = 0, at = 0; index < count; index += 1, at += model.length) {
        const id = ((from + index) % IDS_COUNT) + 1;
        packets.set(model, at);
        packets.writeUInt16BE(id, at + idAt);
        writeNumber(packets, at + model.length - BODY_BYTES, from + index);
        numberOf[id] = from + index;
      }
      publisher.write(packets);
    },
    drain: async (count) => {
      if (!isReaderAway) return;
      const all = whenAllCame(events, count);
      reader = await openReader(options, all.events);
      await all.came;
    },
    close: async () => {
      await Promise.all([publisher.close(), reader.close()]);
      if (isReaderAway) await endSession(options);
    },
  };
}

async function leave(connection: RawConnection): Promise<void> {
  connection.write(Uint8Array.of(PACKET.disconnect, 0));
  await connection.close();
}

/** A session that was to be kept is not: whoever kept it has nothing more to do with it. */
async function endSession(options: MqttOptions): Promise<void> {
  const nothing = { onPacket: () => undefined, onPiece: () => undefined };
  await leave(await connectMqtt(options, { role: 'reader', isClean: true }, nothing));
}

/** Resolves when so many were received, or none has come for a while. */
function whenAllCame(events: LoadEvents, count: number): { readonly events: LoadEvents; readonly came: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const idle = setTimeout(resolve, IDLE_MS_MAX);
  let leftCount = count;
  const received = (number: number): void => {
    events.received(number);
    idle.refresh();
    leftCount -= 1;
    if (leftCount <= 0) resolve();
  };
  const came = promise.finally(() => clearTimeout(idle));
  if (count === 0) resolve();
  return { events: { received, sent: () => undefined, pieceRead: () => undefined }, came };
}

/** Acknowledges all that came in one piece with one write. */
async function openReader(options: MqttOptions, events: LoadEvents): Promise<RawConnection> {
  const subscribed = Promise.withResolvers<void>();
  let acks: number[] = [];
  const isClean = !(options.isReaderAway ?? false);
  const reader = await connectMqtt(
    options,
    { role: 'reader', isClean },
    {
      onPacket: (type, bytes, at, end) => {
        if (type === PACKET.suback) subscribed.resolve();
        if (!isPublish(type)) return;
        events.received(numberIn(bytes, end - BODY_BYTES));
        const idAt = packetIdAt(bytes, at);
        acks.push(PACKET.puback, 2, bytes[idAt] ?? 0, bytes[idAt + 1] ?? 0);
      },
      onPiece: (connection) => {
        if (acks.length >= PUBACK_BYTES) connection.write(Uint8Array.from(acks));
        acks = [];
        events.pieceRead();
      },
    },
  );
  const topic = Buffer.from(options.topic);
  const filter = Buffer.concat([Buffer.from([0, 1, 0, topic.length]), topic, Buffer.from([1])]);
  reader.write(Buffer.concat([Buffer.from([PACKET.subscribe, filter.length]), filter]));
  await subscribed.promise;
  return reader;
}

interface PacketHandlers {
  /** `at`: where what is behind the fixed header begins. */
  readonly onPacket: (type: number, bytes: Buffer, at: number, end: number) => void;
  readonly onPiece: (connection: RawConnection) => void;
}

async function connectMqtt(
  { url, clientId }: MqttOptions,
  { role, isClean }: { readonly role: string; readonly isClean: boolean },
  handlers: PacketHandlers,
): Promise<RawConnection> {
  const connected = Promise.withResolvers<void>();
  const takeFrame: TakeFrame = (bytes, from) => {
    const place = packetAt(bytes, from);
    if (place === undefined) return -1;
    if (bytes[from] === PACKET.connack) connected.resolve();
    else handlers.onPacket(bytes[from] ?? 0, bytes, place.contentAt, place.end);
    return place.end;
  };
  const connection = await RawConnection.open(url, takeFrame, (own) => handlers.onPiece(own));
  const id = Buffer.from(`${clientId}-${role}`);
  // Protocol level 4, the flags, no keep-alive.
  const head = [0, 4, ...Buffer.from('MQTT'), 4, isClean ? CLEAN_SESSION : 0, 0, 0, 0, id.length];
  const rest = Buffer.concat([Buffer.from(head), id]);
  connection.write(Buffer.concat([Buffer.from([PACKET.connect, rest.length]), rest]));
  await connected.promise;
  return connection;
}

function publishPacket(topic: string): Buffer {
  const name = Buffer.from(topic);
  const length = 2 + name.length + 2 + BODY_BYTES;
  const head = [PACKET.publishQos1, (length & 127) | 128, length >>> 7, 0, name.length];
  return Buffer.concat([Buffer.from(head), name, Buffer.alloc(2), Buffer.alloc(BODY_BYTES, '.')]);
}
