/** A client of OpenWire that says what a test tells it to, and keeps what it is answered. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { decodeCommand, encodeCommand } from '../codec.ts';
import {
  type Command,
  type ConnectionInfo,
  type ConsumerInfo,
  type MessageAck,
  type NumberedCommand,
  VERSIONS,
  type WireDestination,
  type WireMessage,
} from '../commands.ts';
import { FrameCutter } from '../frame-cutter.ts';
import { NOTHING_SAID } from '../messages.ts';
import { wireFormatInfo } from '../wire-format.ts';
import { WireWriter } from '../wire-writer.ts';

type OfType<Type extends Command['type']> = Extract<Command, { readonly type: Type }>;
const BASE = { commandId: 0, responseRequired: false } as const;
const FRAME_BYTES_MAX = 64 * 1024 * 1024;

export class WireClient implements Disposable {
  readonly socket: Socket;
  readonly connectionId: string;
  /** All that came, in order. */
  readonly commands: Command[] = [];
  readonly closed: Promise<unknown>;
  readonly #version: number;
  #commandId = 0;
  #wake: () => void = () => undefined;

  constructor(port: number, { connectionId = 'ID:test-1:1', version = VERSIONS.max as number } = {}) {
    this.connectionId = connectionId;
    this.#version = version;
    this.socket = connect({ host: '127.0.0.1', port });
    this.socket.on('error', () => undefined);
    this.closed = once(this.socket, 'close');
    const cutter = new FrameCutter(FRAME_BYTES_MAX, (frame) => {
      this.commands.push(decodeCommand(frame, this.#version));
      this.#wake();
    });
    this.socket.on('data', (bytes: Buffer) => cutter.push(bytes));
    this.socket.on('close', () => this.#wake());
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  /** Agrees on the format, and is let in. */
  async enter(info: Partial<ConnectionInfo> = {}): Promise<this> {
    this.agree();
    await this.ask(this.connectionInfo(info));
    return this;
  }

  agree({ inactivityMs = 30_000, firstSilenceMs = 10_000 } = {}): void {
    const info = wireFormatInfo({ inactivityMs, firstSilenceMs, frameBytesMax: FRAME_BYTES_MAX });
    this.send({ ...info, version: this.#version });
  }

  connectionInfo(info: Partial<ConnectionInfo> = {}): ConnectionInfo {
    return { ...connectionInfoOf(this.connectionId), ...info };
  }

  /** One session with one producer, and what it sends. */
  async openSession(): Promise<void> {
    await this.ask({
      type: 'SessionInfo',
      ...BASE,
      sessionId: { type: 'SessionId', connectionId: this.connectionId, value: 1 },
    });
    const windowSize = 0;
    const destination = null;
    await this.ask({
      type: 'ProducerInfo',
      ...{ ...BASE, producerId: this.producerId, destination, brokerPath: null, isDispatchAsync: true, windowSize },
    });
  }

  get producerId() {
    return { type: 'ProducerId', connectionId: this.connectionId, value: 1, sessionId: 1 } as const;
  }

  consumerId(value: number) {
    return { type: 'ConsumerId', connectionId: this.connectionId, sessionId: 1, value } as const;
  }

  textMessage(destination: WireDestination, text: string, sequence: number): WireMessage {
    const writer = new WireWriter(VERSIONS.max);
    writer.longText(text);
    const { producerId } = this;
    return {
      ...NOTHING_SAID,
      ...{ type: 'TextMessage', producerId, destination, content: writer.take(), isPersistent: true, priority: 4 },
      messageId: { type: 'MessageId', textView: null, producerId, producerSequenceId: sequence, brokerSequenceId: 0 },
    };
  }

  consumerInfo(destination: WireDestination, info: Partial<ConsumerInfo> = {}): ConsumerInfo {
    return {
      type: 'ConsumerInfo',
      ...{ ...BASE, consumerId: this.consumerId(1), isBrowser: false, destination, prefetchSize: 10 },
      ...{ pendingMessagesMax: 0, isDispatchAsync: true, selector: null, clientId: null, subscriptionName: null },
      ...{ isNoLocal: false, isExclusive: false, isRetroactive: false, priority: 0, brokerPath: null },
      ...{
        additionalPredicate: null,
        isNetworkSubscription: false,
        isOptimizedAcknowledge: false,
        isNoRangeAcks: false,
      },
      networkConsumerPath: null,
      ...info,
    };
  }

  ackOf({ message, consumerId, destination }: OfType<'MessageDispatch'>, ackType: number): MessageAck {
    const lastMessageId = message?.messageId ?? null;
    return {
      type: 'MessageAck',
      ...{ ...BASE, destination, transactionId: null, consumerId, ackType, firstMessageId: null, lastMessageId },
      ...{ messageCount: 1, poisonCause: null },
    };
  }

  send(command: Command): void {
    this.socket.write(encodeCommand(command, this.#version));
  }

  /** Resolves to the answer. */
  async ask(command: NumberedCommand): Promise<OfType<'Response'> | OfType<'ExceptionResponse'>> {
    this.#commandId += 1;
    const commandId = this.#commandId;
    this.send({ ...command, commandId, responseRequired: true });
    return await this.#find((each) => {
      const isAnswer = each.type === 'Response' || each.type === 'ExceptionResponse';
      return isAnswer && each.correlationId === commandId ? each : undefined;
    });
  }

  /** The text of an ExceptionResponse; empty for another answer. */
  async refusal(command: NumberedCommand): Promise<string> {
    const answer = await this.ask(command);
    if (answer.type === 'Response') return '';
    return `${answer.exception?.className}: ${answer.exception?.message}`;
  }

  /** Resolves to the next command of this type that was not given out. */
  async next<Type extends Command['type']>(type: Type): Promise<OfType<Type>> {
    return await this.#find((each) => (each.type === type ? (each as OfType<Type>) : undefined));
  }

  async #find<T>(isWanted: (command: Command) => T | undefined): Promise<T> {
    for (;;) {
      const at = this.commands.findIndex((command) => isWanted(command) !== undefined);
      const [command] = at === -1 ? [] : this.commands.splice(at, 1);
      const found = command === undefined ? undefined : isWanted(command);
      if (found !== undefined) return found;
      if (this.socket.closed) throw new Error('the connection is closed');
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

export function queue(physicalName: string): WireDestination {
  return { type: 'Queue', physicalName };
}

/** Of somebody without a name. */
export function connectionInfoOf(connectionId: string): ConnectionInfo {
  return {
    type: 'ConnectionInfo',
    ...{ ...BASE, connectionId: { type: 'ConnectionId', value: connectionId }, clientId: null, password: null },
    ...{ userName: null, brokerPath: null, isBrokerMasterConnector: false, isManageable: false, isClientMaster: false },
    ...{ isFaultTolerant: false, isFailoverReconnect: false, clientIp: null },
  };
}
