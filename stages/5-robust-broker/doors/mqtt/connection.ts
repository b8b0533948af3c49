/**
 * One connection of MQTT: what it may say when, and what becomes of what it said.
 *
 *     CONNECT --> who is it? --> session --> CONNACK --> open --DISCONNECT, a mistake, silence--> over
 *
 * Always true: before a CONNACK nothing of the client reaches the broker; what breaks the protocol ends the connection with the
 * reason that MQTT 5 has for it; what the client held goes back, and its will is published, unless it said goodbye. The
 * DoorServer makes it.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../../../shared/contract/errors.ts';
import type { ByteChannel, DoorSession } from '../byte-channel.ts';
import { topicOf } from '../destinations.ts';
import { type Door, isDefect } from '../door-server.ts';
import { isGone } from '../gone.ts';
import { mayPublish } from '../rights.ts';
import type { ClientSession, Holder } from './client-session.ts';
import { Conversation, type Holds } from './conversation.ts';
import { decode } from './decode.ts';
import { encodeConnack, encodeDisconnect, PINGRESP, type Reader } from './encode.ts';
import { type Greeting, greet } from './greeting.ts';
import { messageOf } from './messages.ts';
import { PacketReader } from './packet-reader.ts';
import { type ClientPacket, type Connect, type Farewell, TYPE, type Version, type Will } from './packets.ts';
import type { Publishing } from './publishing.ts';
import { protocolError, REASON, reasonOf, Violation } from './reasons.ts';
import type { CheckedMqttServerOptions } from './server-options.ts';
import type { Sessions } from './sessions.ts';
import { destinationOfName } from './topics.ts';

/** A client is gone after one and a half of the time it said. */
const SILENCE_FACTOR = 1.5;
const SECOND_MS = 1000;
const CONNECT_HEAD = TYPE.connect << 4;

export interface ConnectionOptions {
  readonly channel: ByteChannel;
  readonly door: Door;
  readonly options: CheckedMqttServerOptions;
  readonly sessions: Sessions;
  readonly publishing: Publishing;
}

export class Connection implements DoorSession, Holder {
  readonly #options: ConnectionOptions;
  readonly #channel: ByteChannel;
  readonly #packets: PacketReader;
  /** Of the CONNECT. */
  #version: Version | undefined;
  #reader: Reader = { version: 4, packetBytesMax: Number.POSITIVE_INFINITY };
  /** Set when the client is let in. */
  #session: ClientSession | undefined;
  #conversation: Conversation | undefined;
  /** It said goodbye, and wants no will. */
  #isLeaving = false;
  #isTakenOver = false;
  #isDraining = false;
  #left: Promise<void> | undefined;
  /** Why the connection ends, in the word of MQTT. */
  #reason: number | undefined;
  /** Work of the client that goes on. */
  #greeting: Promise<void> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#channel = options.channel;
    this.#packets = new PacketReader({
      packetBytesMax: options.options.connectBytesMax,
      onPacket: (head, content) => this.#packet(decode(head, content, this.#version)),
    });
    this.#packets.onlyHead = CONNECT_HEAD;
  }

  get openFrame(): number | undefined {
    return this.#packets.isWithinPacket ? this.#packets.begunCount : undefined;
  }

  receive(bytes: Buffer): void {
    this.#guarded(() => this.#packets.push(bytes));
  }

  drained(): void {
    this.#conversation?.drained();
  }

  refuse(reason: MqError): void {
    this.#packets.stop();
    const code = this.#reason ?? reasonOf(reason);
    if (this.#session !== undefined) this.#disconnect(code, reason.message);
    else if (this.#version !== undefined || code === REASON.unsupportedVersion)
      this.#refuseConnect(code, reason.message);
    this.#channel.end(reason);
  }

  drain(reason: MqError): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.#packets.hold();
    this.#channel.pause();
    const end = (): void => {
      if (this.#session !== undefined) this.#disconnect(REASON.serverShuttingDown, reason.message);
      this.#channel.end(reason);
    };
    if (this.#conversation === undefined) end();
    else void this.#conversation.finish().then(end, end);
  }

  async gone(): Promise<void> {
    this.#packets.stop();
    await this.#greeting;
    await this.#leave();
  }

  takenOver(): Promise<void> {
    if (!this.#isTakenOver) {
      this.#isTakenOver = true;
      this.#packets.stop();
      this.#disconnect(REASON.sessionTakenOver, 'another connection has the session');
      this.#channel.end();
    }
    return this.#leave();
  }

  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#packets.stop();
    if (error instanceof Violation) {
      this.#reason ??= error.reason;
      this.#channel.fail(new MqError('MQ_PROTOCOL', error.message, { cause: error }));
    } else {
      this.#channel.fail(error);
    }
  }

  #packet(packet: ClientPacket): void {
    const conversation = this.#conversation;
    if (packet.type === 'connect') this.#connect(packet);
    else if (conversation === undefined) throw protocolError('nothing is said before CONNECT is answered');
    else if (packet.type === 'disconnect' || packet.type === 'auth') this.#goodbye(packet);
    else if (packet.type === 'pingreq') this.#channel.write(PINGRESP);
    else conversation.take(packet);
  }

  #connect(connect: Connect): void {
    const { options, door } = this.#options;
    const { version, clientId } = connect;
    this.#version = version;
    this.#packets.onlyHead = undefined;
    this.#packets.isStrict = version === 5;
    this.#packets.packetBytesMax = options.packetBytesMax;
    const { maximumPacketSize: packetBytesMax = Number.POSITIVE_INFINITY, requestProblemInformation } =
      connect.properties;
    this.#reader = { version, packetBytesMax, isTerse: requestProblemInformation === 0 };
    this.#channel.booked.introduced({ clientId, protocolVersion: nameOf(version) });
    const greeting = greet(connect, { options, random: door.random, broker: door.broker });
    this.#packets.hold();
    this.#channel.pause();
    this.#greeting = this.#greet(connect, greeting).catch((error: unknown) => this.#fail(error));
  }

  /** What comes behind the CONNECT waits. */
  async #greet(connect: Connect, greeting: Greeting): Promise<void> {
    const { sessions } = this.#options;
    const view = await this.#admit(connect);
    const { will, isClean } = connect;
    const { clientId, expirySeconds, keepAliveSeconds } = greeting;
    if (will !== undefined) await this.#checkWill(will, view);
    const owner = this.#ownerOf(connect, view);
    const { session, isPresent } = await sessions.claim({
      ...{ clientId, owner, isClean, expirySeconds, will, holder: this },
    });
    this.#session = session;
    if (this.#channel.isOver || this.#isTakenOver) return;
    this.#channel.booked.introduced({ clientId });
    this.#channel.greeted();
    this.#startPulse(keepAliveSeconds);
    const { properties } = greeting;
    this.#channel.write(
      encodeConnack(this.#reader, { isSessionPresent: isPresent, reason: REASON.success, properties }),
    );
    const conversation = this.#converse(session, view, greeting);
    this.#conversation = conversation;
    await conversation.resume();
    this.#hold({ isPaused: false, isHeld: false });
  }

  #hold({ isPaused, isHeld }: Holds): void {
    if (this.#isDraining) return; // everything is held for good
    if (isPaused) this.#channel.pause();
    else this.#channel.resume();
    if (isHeld) this.#packets.hold();
    else this.#guarded(() => this.#packets.release());
  }

  /** It will be published when nobody can be told any more. */
  async #checkWill(will: Will, view: Broker): Promise<void> {
    const { broker, clock } = this.#options.door;
    messageOf(will, { broker, now: clock.now(), publisher: undefined, id: undefined });
    if (view !== broker) await mayPublish(view, topicOf(destinationOfName(will.topic)));
  }

  async #admit({ user, password }: Connect): Promise<Broker> {
    const shown = {
      ...(user !== undefined && { user }),
      ...(password !== undefined && { password: password.toString() }),
    };
    try {
      return await this.#options.door.admit(this.#channel, shown);
    } catch (error) {
      if (isMqError(error, 'MQ_UNAUTHORIZED')) {
        const isNobody = user === undefined && password === undefined;
        this.#reason = isNobody ? REASON.notAuthorized : REASON.badUserNameOrPassword;
      } else if (isMqError(error) && error.isRetriable) {
        this.#reason = REASON.serverUnavailable;
      }
      throw error;
    }
  }

  /** Who the client is, and not what it calls itself. Where everybody may do everything, a session is everybody's. */
  #ownerOf({ user }: Connect, view: Broker): string {
    const { door, options } = this.#options;
    if (options.admission === undefined) return '';
    return door.nameOf(view) ?? user ?? this.#channel.certificate?.fingerprint ?? '';
  }

  #startPulse(keepAliveSeconds: number): void {
    if (keepAliveSeconds === 0) return;
    const silenceMsMax = keepAliveSeconds * SECOND_MS * SILENCE_FACTOR;
    const onSilence = (): void => this.#disconnect(REASON.keepAliveTimeout, 'nothing was heard for too long');
    this.#channel.startPulse({ silenceMsMax, onSilence });
  }

  #converse(session: ClientSession, view: Broker, greeting: Greeting): Conversation {
    return new Conversation({
      ...this.#options,
      reader: this.#reader,
      session,
      view,
      receiveMaximum: greeting.receiveMaximum,
      topicAliasMaximum: greeting.topicAliasMaximum,
      work: (work) => this.#work(work),
      onHold: (holds) => this.#hold(holds),
      fail: (error) => this.#fail(error),
    });
  }

  /** A failure of it is a defect, unless what it was about has gone. */
  #work(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      if (error instanceof Violation) this.#fail(error);
      else if (isDefect(error)) this.#options.door.onDefect(error);
      else if (!isGone(error)) this.#fail(error);
    });
  }

  #goodbye({ type, reason, properties }: Farewell): void {
    if (type === 'auth') throw protocolError('nothing is to be authenticated again');
    const session = this.#session;
    const { sessionExpiryInterval } = properties;
    if (session !== undefined && sessionExpiryInterval !== undefined) {
      if (!session.isDurable && sessionExpiryInterval > 0) {
        throw protocolError('a session that was to end with its connection does so');
      }
      session.expirySeconds = Math.min(sessionExpiryInterval, this.#options.options.sessionExpirySecondsMax);
    }
    this.#isLeaving = reason !== REASON.disconnectWithWill;
    this.#packets.stop();
    this.#channel.end();
  }

  #disconnect(reason: number, reasonString: string): void {
    if (this.#version !== 5 || this.#session === undefined) return;
    this.#channel.write(encodeDisconnect(this.#reader, { reason, properties: { reasonString } }));
  }

  #refuseConnect(reason: number, reasonString: string): void {
    const properties = { reasonString };
    this.#channel.write(encodeConnack(this.#reader, { isSessionPresent: false, reason, properties }));
  }

  #leave(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return Promise.resolve();
    const close = async (): Promise<void> => this.#conversation?.close();
    this.#left ??= this.#options.sessions.leave(session, { holder: this, keepsWill: !this.#isLeaving, close });
    return this.#left;
  }
}

function nameOf(version: Version): string {
  return version === 5 ? '5' : version === 4 ? '3.1.1' : '3.1';
}
