/**
 * One connection of a client of OpenWire, from its first byte to its last.
 *
 *     WireFormatInfo --> and ours --> ConnectionInfo --> admitted --> everything else, each answered if it asks for it
 *
 * Always true: commands are begun in the order in which they came; after one that changes who is there nothing is begun until
 * it is done, while sends and acks do not wait for one another; what the client sent and the broker has not taken is bounded:
 * above it nothing is read. What breaks the protocol ends the connection, what is refused does not.
 */
import type { Timer } from '../../../../shared/clock.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { ByteChannel, DoorSession } from '../byte-channel.ts';
import type { ClientIds, IdOwner } from '../client-ids.ts';
import { type Door, isDefect } from '../door-server.ts';
import { decodeCommand, encodeCommand } from './codec.ts';
import { type Command, type ConnectionInfo, type NumberedCommand, VERSIONS, type WireMessage } from './commands.ts';
import { Connection } from './connection.ts';
import { FrameCutter } from './frame-cutter.ts';
import { brokerInfo, credentialsOf } from './introduction.ts';
import type { Names } from './names.ts';
import { startPulse } from './pulse.ts';
import { Sends } from './sends.ts';
import type { CheckedOpenWireServerOptions } from './server-options.ts';
import { clientIdTaken, thrownOf } from './wire-error.ts';
import { negotiate, type WireFormat, wireFormatInfo } from './wire-format.ts';

/** Of the first frame, before anything is known of the client. */
const FIRST_FRAME_BYTES_MAX = 4096;
const NO_ANSWER_WANTED = { commandId: 0, responseRequired: false } as const;
/** Of these the next one is begun before they are done. */
const FLOWING: ReadonlySet<Command['type']> = new Set(['MessageAck', 'MessagePull', 'ConsumerControl']);

export interface SessionOptions {
  readonly door: Door;
  readonly options: CheckedOpenWireServerOptions;
  readonly clientIds: ClientIds;
  readonly names: Names;
}

export class OpenWireSession implements DoorSession {
  readonly #channel: ByteChannel;
  readonly #options: SessionOptions;
  readonly #cutter = new FrameCutter(FIRST_FRAME_BYTES_MAX, (frame) => this.#frame(frame));
  #format: WireFormat | undefined;
  #connection: Connection | undefined;
  /** Set when its client id is this connection's. */
  #freeClientId: () => void = () => undefined;
  #isIntroduced = false;
  /** Rings when the client is to be heard as often as was agreed. */
  #firstSilence: Timer | undefined;
  /** Why nothing is begun now: how many reasons there are. */
  #holdCount = 0;
  /** What is begun and not done, but for messages on their way to the broker. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #sends: Sends;
  /** The client, or this side, said that it is over. */
  #isLeaving = false;
  #isGone = false;

  constructor(channel: ByteChannel, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    this.#sends = new Sends({
      bytesMax: options.options.unansweredBytesMax,
      onPublished: (message) => {
        this.#connection?.acknowledge(message);
        this.#answer(message);
      },
      onRefused: (message, error) => this.#fail(message, error),
      onFull: () => this.#hold(),
      onRoom: () => this.#release(),
    });
  }

  get openFrame(): number | undefined {
    return this.#cutter.openFrame;
  }

  receive(bytes: Buffer): void {
    this.#cutter.push(bytes);
    if (this.#cutter.isHeld) this.#channel.pause();
  }

  drained(): void {
    this.#connection?.resume();
  }

  refuse(reason: MqError): void {
    this.#isLeaving = true;
    this.#cutter.hold();
    this.#tellError(reason);
    this.#channel.end(reason);
  }

  drain(reason: MqError): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#cutter.hold();
    const rest = [this.#connection?.leave(false), this.#sends.none(), ...this.#underWay];
    void Promise.allSettled(rest).then(() => this.#channel.end(reason));
  }

  async gone(): Promise<void> {
    this.#isGone = true;
    this.#firstSilence?.cancel();
    this.#cutter.hold();
    try {
      await this.#connection?.leave(!this.#isLeaving);
    } finally {
      this.#freeClientId();
    }
  }

  #frame(frame: Buffer): void {
    const command = decodeCommand(frame, this.#format?.version ?? VERSIONS.max);
    if (command.type === 'WireFormatInfo') this.#agree(command);
    else if (this.#format === undefined) throw new MqError('MQ_PROTOCOL', 'the first command is WireFormatInfo');
    else this.#take(command, frame.length);
  }

  #agree(info: Extract<Command, { type: 'WireFormatInfo' }>): void {
    if (this.#format !== undefined) throw new MqError('MQ_PROTOCOL', 'a second WireFormatInfo on one connection');
    const { inactivityMs, frameBytesMax } = this.#options.options;
    const offer = { inactivityMs, frameBytesMax };
    const format = negotiate(info, offer);
    this.#channel.write(encodeCommand(wireFormatInfo(offer), VERSIONS.max));
    this.#format = format;
    this.#cutter.frameBytesMax = frameBytesMax;
    this.#channel.booked.introduced({ protocolVersion: String(format.version) });
    this.#channel.greeted();
    const say = (): void => this.#write({ type: 'KeepAliveInfo', ...NO_ANSWER_WANTED });
    this.#firstSilence = startPulse({ ...format, say, channel: this.#channel, clock: this.#options.door.clock });
  }

  #take(command: NumberedCommand, bytes: number): void {
    switch (command.type) {
      case 'KeepAliveInfo':
        if (command.responseRequired) this.#write({ type: 'KeepAliveInfo', ...NO_ANSWER_WANTED });
        return;
      case 'ShutdownInfo':
        this.#isLeaving = true;
        this.#answer(command);
        this.#channel.end();
        return;
      case 'ConnectionInfo':
        if (this.#isIntroduced) throw new MqError('MQ_PROTOCOL', 'a second ConnectionInfo on one connection');
        this.#isIntroduced = true;
        this.#alone(command, this.#introduce(command));
        return;
    }
    const connection = this.#connection;
    if (connection === undefined && command.type === 'ConnectionControl') return; // what a client of failover: says of itself
    if (connection === undefined) throw new MqError('MQ_PROTOCOL', `a ${command.type} before ConnectionInfo`);
    if (isMessage(command)) this.#send(connection, command, bytes);
    else this.#handle(connection, command);
  }

  #send(connection: Connection, message: WireMessage, bytes: number): void {
    this.#channel.booked.messagesIn();
    const awaiting = this.#sends.begin(message, bytes);
    try {
      connection.send(message, awaiting);
    } catch (error) {
      awaiting.refused(error);
    }
  }

  #handle(connection: Connection, command: NumberedCommand): void {
    // What a consumer has acked is not to go back when it closes.
    if (command.type === 'RemoveInfo' && this.#underWay.size + this.#sends.count > 0) {
      const before = Promise.allSettled([this.#sends.none(), ...this.#underWay]);
      this.#alone(
        command,
        before.then(() => connection.handle(command)),
      );
      return;
    }
    let done: Promise<void> | void;
    try {
      done = connection.handle(command);
    } catch (error) {
      this.#fail(command, error);
      return;
    }
    if (done === undefined) this.#answer(command);
    else if (FLOWING.has(command.type)) this.#follow(command, done);
    else this.#alone(command, done);
  }

  /** What comes behind it waits until it is done. */
  #alone(command: NumberedCommand, done: Promise<void>): void {
    this.#hold();
    this.#follow(command, done, () => this.#release());
  }

  /** Answers it in the end; `onEnd` is called after that. */
  #follow(command: NumberedCommand, done: Promise<void>, onEnd?: () => void): void {
    const answer = (): void => this.#answer(command);
    const refuse = (error: unknown): void => this.#fail(command, error);
    const followed: Promise<void> = done.then(answer, refuse).finally(() => {
      this.#underWay.delete(followed);
      onEnd?.();
    });
    this.#underWay.add(followed);
  }

  async #introduce(info: ConnectionInfo): Promise<void> {
    const { door, options, names } = this.#options;
    const connectionId = info.connectionId?.value ?? '';
    const clientId = info.clientId ?? '';
    if (connectionId === '') throw new MqError('MQ_PROTOCOL', 'a connection without an id');
    const broker = await door.admit(this.#channel, credentialsOf(info));
    const user = door.nameOf(broker) ?? info.userName ?? this.#channel.certificate?.fingerprint ?? null;
    if (clientId !== '') await this.#takeClientId(clientId, { connectionId, user });
    const { booked } = this.#channel;
    booked.introduced({ clientId });
    this.#connection = new Connection({
      ...{ info, door, broker, options, names, name: booked.id },
      write: (command) => this.#write(command),
      onMessage: () => booked.messagesOut(),
      readers: {
        ...{ door, broker, names, connectionId, clientId, booked, prefetchCountMax: options.prefetchCountMax },
        onTrouble: (error) => this.#trouble(error),
      },
    });
    this.#write(brokerInfo(broker.name));
  }

  async #takeClientId(clientId: string, who: Omit<IdOwner, 'supersede'>): Promise<void> {
    const { clientIds } = this.#options;
    const owner = { ...who, supersede: () => this.#supersede() };
    if (!(await clientIds.take(clientId, owner))) throw clientIdTaken(clientId);
    this.#freeClientId = () => clientIds.free(clientId, owner);
    if (this.#isGone) this.#freeClientId();
  }

  async #supersede(): Promise<void> {
    await this.#connection?.leave(true);
    this.#freeClientId();
    this.#channel.destroy(new MqError('MQ_CONNECTION_LOST', 'the client has connected again'));
  }

  #answer({ commandId, responseRequired }: NumberedCommand): void {
    if (!responseRequired) return;
    this.#write({ type: 'Response', ...NO_ANSWER_WANTED, correlationId: commandId });
  }

  /** To who asks for an answer it is one; to others it is said all the same. */
  #fail(command: NumberedCommand, error: unknown): void {
    if (!command.responseRequired) {
      this.#trouble(error);
      return;
    }
    this.#note(error);
    const { commandId: correlationId } = command;
    this.#write({ type: 'ExceptionResponse', ...NO_ANSWER_WANTED, correlationId, exception: thrownOf(error) });
    if (command.type === 'ConnectionInfo') this.#channel.end();
  }

  #trouble(error: unknown): void {
    this.#note(error);
    this.#tellError(error);
  }

  #note(error: unknown): void {
    this.#channel.booked.failed();
    if (isDefect(error)) this.#options.door.onDefect(error);
  }

  #tellError(error: unknown): void {
    this.#write({ type: 'ConnectionError', ...NO_ANSWER_WANTED, exception: thrownOf(error), connectionId: null });
  }

  #write(command: NumberedCommand): void {
    if (this.#format === undefined || this.#channel.isOver) return;
    this.#channel.write(encodeCommand(command, this.#format.version));
    if (this.#channel.isCongested) this.#connection?.pause();
  }

  #hold(): void {
    this.#holdCount += 1;
    this.#cutter.hold();
  }

  #release(): void {
    this.#holdCount -= 1;
    if (this.#holdCount > 0 || this.#isLeaving || this.#isGone) return;
    try {
      this.#cutter.release();
    } catch (error) {
      this.#channel.fail(error);
    }
    if (!this.#cutter.isHeld) this.#channel.resume();
  }
}

function isMessage(command: NumberedCommand): command is WireMessage {
  return 'messageId' in command && 'content' in command;
}
