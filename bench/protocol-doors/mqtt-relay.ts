/**
 * The floor of MQTT from client to client: a server that answers every PUBLISH with a PUBACK, and passes it on as it came.
 *
 *     publisher --PUBLISH PUBLISH ...--> relay --the same bytes--> whoever subscribed last
 *               <--PUBACK PUBACK ...----
 *
 * It keeps nothing, looks at no topic and forgets what the reader acknowledges; whatever is slower than a real broker with it is
 * the client. All that came in one piece leaves in one write, to each side.
 */
import { createServer, type Socket } from 'node:net';
import { listening } from '../tcp-door/echo-server.ts';
import { isPublish, PACKET, packetAt, packetIdAt } from './mqtt-packets.ts';

/** Resolves to its url. */
export async function startMqttRelay(): Promise<string> {
  let reader: Socket | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    let rest: Buffer = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (piece: Buffer) => {
      if (socket === reader) return; // these are its PUBACKs
      const bytes = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const { answers, published, end, isReader } = read(bytes);
      if (isReader) reader = socket;
      if (answers.length > 0) socket.write(Uint8Array.from(answers));
      if (published > 0) reader?.write(bytes.subarray(end - published, end));
      rest = bytes.subarray(end);
    });
  });
  return (await listening(server)).replace('tcp:', 'mqtt:');
}

interface Read {
  /** Bytes for who sent it. */
  readonly answers: readonly number[];
  /** Bytes of PUBLISH packets, up to `end`: whoever publishes says nothing else in between. */
  readonly published: number;
  readonly end: number;
  readonly isReader: boolean;
}

function read(bytes: Buffer): Read {
  const answers: number[] = [];
  let [published, end, isReader] = [0, 0, false];
  for (let place = packetAt(bytes, end); place !== undefined; place = packetAt(bytes, end)) {
    const head = bytes[end] ?? 0;
    const { contentAt } = place;
    if (isPublish(head)) {
      const idAt = packetIdAt(bytes, contentAt);
      answers.push(PACKET.puback, 2, bytes[idAt] ?? 0, bytes[idAt + 1] ?? 0);
      published += place.end - end;
    } else if (head === PACKET.connect) answers.push(PACKET.connack, 2, 0, 0);
    else if (head === PACKET.subscribe) {
      answers.push(PACKET.suback, 3, bytes[contentAt] ?? 0, bytes[contentAt + 1] ?? 0, 1);
      isReader = true;
    }
    end = place.end;
  }
  return { answers, published, end, isReader };
}
