/**
 * A client of OpenWire, as far as the interop matrix needs one: loose encoding, one session, no transactions. The codec is the
 * door's; that others speak the same is proven with the Java client.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { SystemRandom } from '../../../../shared/random.ts';
import type { Destination } from '../destinations.ts';
import { decodeCommand, encodeCommand } from '../openwire/codec.ts';
import { type Command, VERSIONS, type WireDestination, type WireMessage } from '../openwire/commands.ts';
import { FrameCutter } from '../openwire/frame-cutter.ts';
import { bodyOf, contentOf } from '../openwire/message-bodies.ts';
import { NOTHING_SAID } from '../openwire/messages.ts';
import { decodeMap, encodeMap } from '../openwire/typed-wire.ts';
import { wireFormatInfo } from '../openwire/wire-format.ts';
import { type TypedValue, textOf } from '../typed-values.ts';
import { Mailbox, type Reading, type Sample, type Seen } from './interop-client.ts';

const FRAME_BYTES_MAX = 64 * 1024 * 1024;

export class OpenWirePeer {
  readonly #socket: Socket;
  readonly #connectionId = `ID:interop-${new SystemRandom().hex(4)}-1:1`;
  readonly #answers = new Map<number, (command: Command) => void>();
  readonly #readings = new Map<number, Mailbox<Seen>>();
  readonly #greeted = Promise.withResolvers<void>();
  #commandCount = 0;
  #consumerCount = 0;
  #messageCount = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const cutter = new FrameCutter(FRAME_BYTES_MAX, (frame) => this.#take(decodeCommand(frame, VERSIONS.max)));
    socket.on('data', (bytes: Buffer) => cutter.push(bytes));
    socket.on('error', () => undefined);
  }

  static async connected(port: number): Promise<OpenWirePeer> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await once(socket, 'connect');
    const peer = new OpenWirePeer(socket);
    await peer.#introduce();
    return peer;
  }

  async send(destination: Destination, { body, correlationId, headers }: Sample): Promise<void> {
    this.#messageCount += 1;
    const producerId = { type: 'ProducerId', connectionId: this.#connectionId, value: 1, sessionId: 1 } as const;
    const sequence = { producerSequenceId: this.#messageCount, brokerSequenceId: 0 };
    const properties = new Map<string, TypedValue>();
    for (const [name, value] of Object.entries(headers)) properties.set(name, { type: 'string', value });
    const content =
      typeof body === 'string' ? contentOf({ kind: 'text', text: body }) : contentOf({ kind: 'bytes', bytes: body });
    await this.#ask({
      ...NOTHING_SAID,
      ...content,
      producerId,
      destination: wireOf(destination),
      messageId: { type: 'MessageId', textView: null, producerId, ...sequence },
      correlationId,
      isPersistent: true,
      priority: 4,
      timestamp: Date.now(),
      properties: encodeMap(properties),
    });
  }

  async subscribe(destination: Destination): Promise<Reading> {
    this.#consumerCount += 1;
    const reading = new Mailbox<Seen>();
    this.#readings.set(this.#consumerCount, reading);
    const place = { connectionId: this.#connectionId, sessionId: 1, value: this.#consumerCount };
    await this.#ask({
      type: 'ConsumerInfo',
      ...{ commandId: 0, responseRequired: true, consumerId: { type: 'ConsumerId', ...place } },
      ...{ isBrowser: false, destination: wireOf(destination), prefetchSize: 100, pendingMessagesMax: 0 },
      ...{ isDispatchAsync: true, selector: null, clientId: null, subscriptionName: null, isNoLocal: false },
      ...{ isExclusive: false, isRetroactive: false, priority: 0, brokerPath: null, additionalPredicate: null },
      ...{
        isNetworkSubscription: false,
        isOptimizedAcknowledge: false,
        isNoRangeAcks: true,
        networkConsumerPath: null,
      },
    });
    return reading;
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }

  async #introduce(): Promise<void> {
    const offer = { inactivityMs: 0, frameBytesMax: FRAME_BYTES_MAX, providerVersion: '0' };
    this.#write(wireFormatInfo(offer));
    await this.#greeted.promise;
    await this.#ask({
      type: 'ConnectionInfo',
      ...{ commandId: 0, responseRequired: true, connectionId: { type: 'ConnectionId', value: this.#connectionId } },
      ...{ clientId: this.#connectionId, password: null, userName: null, brokerPath: null },
      ...{ isBrokerMasterConnector: false, isManageable: false, isClientMaster: false, isFaultTolerant: false },
      ...{ isFailoverReconnect: false, clientIp: null },
    });
    const session = { connectionId: this.#connectionId, value: 1 };
    await this.#ask({
      type: 'SessionInfo',
      ...{ commandId: 0, responseRequired: true, sessionId: { type: 'SessionId', ...session } },
    });
    const producer = { connectionId: this.#connectionId, value: 1, sessionId: 1 };
    await this.#ask({
      type: 'ProducerInfo',
      ...{ commandId: 0, responseRequired: true, producerId: { type: 'ProducerId', ...producer } },
      ...{ destination: null, brokerPath: null, isDispatchAsync: false, windowSize: 0 },
    });
  }

  /** Resolves when it was answered; rejects when the answer is an exception. */
  async #ask(command: Exclude<Command, { readonly type: 'WireFormatInfo' }>): Promise<void> {
    this.#commandCount += 1;
    const commandId = this.#commandCount;
    const answered = new Promise<Command>((resolve) => this.#answers.set(commandId, resolve));
    this.#write({ ...command, commandId, responseRequired: true });
    const answer = await answered;
    if (answer.type === 'ExceptionResponse') throw new Error(JSON.stringify(answer.exception));
  }

  #write(command: Command): void {
    this.#socket.write(encodeCommand(command, VERSIONS.max));
  }

  #take(command: Command): void {
    if (command.type === 'WireFormatInfo') this.#greeted.resolve();
    if (command.type === 'Response' || command.type === 'ExceptionResponse') {
      this.#answers.get(command.correlationId)?.(command);
      this.#answers.delete(command.correlationId);
    }
    if (command.type === 'MessageDispatch' && command.message !== null) {
      this.#readings.get(Number(command.consumerId?.value))?.put(seenOf(command.message));
    }
  }
}

function wireOf({ kind, name: physicalName }: Destination): WireDestination {
  return { type: kind === 'queue' ? 'Queue' : 'Topic', physicalName };
}

function seenOf(message: WireMessage): Seen {
  const body = bodyOf(message, FRAME_BYTES_MAX);
  const bytes = body.kind === 'text' ? Buffer.from(body.text ?? '') : body.kind === 'bytes' ? body.bytes : [];
  const properties = message.properties === null ? new Map<string, TypedValue>() : decodeMap(message.properties);
  const headers: Record<string, string> = {};
  for (const [name, value] of properties) headers[name] = textOf(value);
  const { messageId, correlationId } = message;
  return { id: idOf(messageId), body: Buffer.from(bytes), correlationId, headers };
}

/** As `getJMSMessageID` of the Java client says it. */
function idOf(messageId: WireMessage['messageId']): string | null {
  if (messageId === null) return null;
  const { textView, producerId, producerSequenceId } = messageId;
  if (textView !== null && textView !== '') return textView;
  return `${producerId?.connectionId}:${producerId?.sessionId}:${producerId?.value}:${producerSequenceId}`;
}
