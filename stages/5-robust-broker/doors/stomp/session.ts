/**
 * One connection, seen from the server: which frames may come when, in which order they are carried out, and how it ends.
 *
 *     greeting --CONNECT--> connected --DISCONNECT, or the server stops--> leaving --all is carried out--> gone
 *         \___________________\_____ ERROR ____________________________________________________________/
 *
 * Always true: before a right CONNECT nothing reaches the broker; frames are begun in the order in which they came; SEND, ACK
 * and NACK do not wait for each other's end, every other frame ends before the next one begins; how much is begun and not
 * done is bounded: above it nothing more is read; a frame that cannot be carried out is answered with ERROR, and that is the
 * end of the connection.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { ByteChannel, DoorSession } from '../byte-channel.ts';
import type { Door } from '../door-server.ts';
import { Desk } from './desk.ts';
import { type Frame, type HeaderList, VERSIONS, type Version, writeFrame } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { agreedHeartBeats, agreedVersion, type HeartBeats } from './handshake.ts';
import { type SentEnds, SentFrame } from './sent-frame.ts';
import { serverName } from './server-name.ts';
import type { CheckedStompServerOptions } from './server-options.ts';

/** Of whoever has not been let in yet. */
const GREETING_LIMITS = { headersCountMax: 50, headerBytesMax: 4096, headBytesMax: 8192, bodyBytesMax: 0 };
const MESSAGE_CHARACTERS_MAX = 200;
/** The others wait for nothing but the end of every other frame. */
const OVERLAPPING = new Set(['SEND', 'ACK', 'NACK']);
const HEART_BEAT = Buffer.from('\n');

export class StompSession implements DoorSession {
  readonly #channel: ByteChannel;
  readonly #door: Door;
  readonly #options: CheckedStompServerOptions;
  readonly #reader: FrameReader;
  /** Came, and were not begun. */
  readonly #queue: Frame[] = [];
  /** What the connection carries out once it is let in. */
  #desk: Desk | undefined;
  /** A frame is being carried out that others wait for. */
  #isBusy = false;
  #hasGreeted = false;
  #isLeaving = false;
  /** It said DISCONNECT, or the server stops: what it holds goes back, and is no failure. */
  #isOrderly = false;
  /** SENDs, ACKs and NACKs that are begun and not done; none of them rejects. */
  readonly #begun = new Set<Promise<void>>();
  /** SENDs that are begun and not done, without a promise. */
  #sentCount = 0;
  #onAllSent: (() => void) | undefined;
  readonly #ends: SentEnds = {
    onPublished: (frame) => {
      this.#writeReceipt(frame);
      this.#sent(frame);
    },
    onRefused: (frame, error) => {
      this.#refused(frame, error);
      this.#sent(frame);
    },
  };
  /** Of all of them. */
  #begunBytes = 0;
  /** The frame that failed: for `receipt-id` of the ERROR. */
  #failed: Frame | undefined;

  constructor(
    channel: ByteChannel,
    { door, options }: { readonly door: Door; readonly options: CheckedStompServerOptions },
  ) {
    this.#channel = channel;
    this.#door = door;
    this.#options = options;
    this.#reader = new FrameReader({ ...GREETING_LIMITS, onFrame: (frame) => this.#take(frame) });
  }

  get openFrame(): number | undefined {
    return this.#reader.isWithinFrame ? this.#reader.begunCount : undefined;
  }

  receive(bytes: Buffer): void {
    this.#reader.push(bytes);
    this.#throttle();
  }

  drained(): void {
    this.#desk?.resume();
  }

  refuse(reason: MqError): void {
    this.#stopReading();
    this.#writeError(reason);
    this.#channel.end(reason);
  }

  drain(reason: MqError): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#stopReading();
    void this.#leave(() => this.#writeError(reason));
  }

  async gone(): Promise<void> {
    this.#stopReading();
    await this.#desk?.close({ isFailure: !this.#isOrderly });
  }

  get #version(): Version {
    return this.#reader.version ?? '1.0';
  }

  #stopReading(): void {
    this.#reader.stop();
    this.#queue.length = 0;
  }

  /** Called by the reader, which reads what follows by the rules that are agreed here. */
  #take(frame: Frame): void {
    const { command } = frame;
    const isGreeting = command === 'CONNECT' || command === 'STOMP';
    if (isGreeting === this.#hasGreeted) {
      this.#failed = frame;
      throw new MqError('MQ_PROTOCOL', isGreeting ? 'a second CONNECT' : 'the first frame of a client is CONNECT');
    }
    if (isGreeting) {
      this.#hasGreeted = true;
      const version = agreedVersion(frame.headers);
      this.#reader.version = version;
      this.#reader.limits = this.#options;
    }
    this.#queue.push(frame);
    this.#proceed();
  }

  #proceed(): void {
    while (!this.#isBusy && !this.#channel.isOver) {
      const frame = this.#queue.shift();
      if (frame === undefined) break;
      this.#begin(frame);
    }
    this.#throttle();
  }

  #begin(frame: Frame): void {
    try {
      if (frame.command === 'SEND' && this.#desk?.post(frame, new SentFrame(frame, this.#ends)) === true) {
        this.#sentCount += 1;
        this.#begunBytes += frame.body.length;
        return;
      }
    } catch (error) {
      this.#await(frame, Promise.reject(error));
      return;
    }
    this.#await(frame, this.#carryOut(frame));
  }

  #await(frame: Frame, work: Promise<void>): void {
    const isOverlapping = OVERLAPPING.has(frame.command);
    if (!isOverlapping) this.#isBusy = true;
    const ended: Promise<void> = work.then(
      () => {
        this.#writeReceipt(frame);
        this.#ended(frame, ended);
      },
      (error: unknown) => {
        this.#refused(frame, error);
        this.#ended(frame, ended);
      },
    );
    if (!isOverlapping) return;
    this.#begun.add(ended);
    this.#begunBytes += frame.body.length;
  }

  #refused(frame: Frame, error: unknown): void {
    this.#failed ??= frame;
    this.#channel.fail(error);
  }

  /** Of a SEND without a promise. */
  #sent(frame: Frame): void {
    this.#sentCount -= 1;
    this.#begunBytes -= frame.body.length;
    if (this.#sentCount === 0) this.#onAllSent?.();
    this.#proceed();
  }

  #allSent(): Promise<void> {
    if (this.#sentCount === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAllSent = resolve;
    });
  }

  #ended(frame: Frame, ended: Promise<void>): void {
    if (this.#begun.delete(ended)) this.#begunBytes -= frame.body.length;
    else this.#isBusy = false;
    this.#proceed();
  }

  #carryOut(frame: Frame): Promise<void> {
    if (this.#desk === undefined) return this.#greet(frame);
    return frame.command === 'DISCONNECT' ? this.#disconnect(frame) : this.#desk.carryOut(frame);
  }

  async #greet({ headers }: Frame): Promise<void> {
    const beats = agreedHeartBeats(headers, this.#options.heartbeatMs);
    const [user, password, token] = [headers.get('login'), headers.get('passcode'), headers.get('token')];
    const said = Object.entries({ user, password, token }).filter(([, value]) => value !== undefined);
    const broker = await this.#door.admit(this.#channel, Object.fromEntries(said));
    if (this.#channel.isOver || this.#isLeaving) return;
    this.#welcome(broker, headers, beats);
  }

  #welcome(broker: Broker, headers: ReadonlyMap<string, string>, beats: HeartBeats): void {
    const [channel, version] = [this.#channel, this.#version];
    const clientId = headers.get('client-id') ?? headers.get('login');
    this.#desk = new Desk({
      ...{ broker, channel, version, clientId, door: this.#door, options: this.#options },
      onTrouble: (error) => channel.fail(error),
      takenOver: () => this.#takenOver(),
    });
    channel.booked.introduced({ clientId, protocolVersion: version });
    const { heartbeatMs } = this.#options;
    channel.greeted();
    channel.startPulse({ ...beats, say: () => channel.write(HEART_BEAT) });
    this.#write('CONNECTED', [
      ['version', version],
      ['heart-beat', `${heartbeatMs},${heartbeatMs}`],
      ['session', channel.booked.id],
      ['server', serverName()],
    ]);
  }

  async #takenOver(): Promise<void> {
    this.#stopReading();
    this.#channel.fail(new MqError('MQ_GROUP_TAKEN', 'another connection reads the durable subscription from now on'));
    await this.#desk?.close({ isFailure: !this.#isOrderly });
  }

  async #disconnect(frame: Frame): Promise<void> {
    this.#isLeaving = true;
    this.#stopReading();
    await this.#leave(() => this.#writeReceipt(frame));
  }

  /** Everything that was begun is done, what is held is back, the last word is said. */
  async #leave(sayLast: () => void): Promise<void> {
    this.#isOrderly = true;
    try {
      await this.#desk?.stop();
      await this.#allSent();
      await Promise.all(this.#begun);
      await this.#desk?.finish();
      sayLast();
      this.#channel.end();
    } catch (error) {
      this.#channel.fail(error);
    }
  }

  /** As long as this much is to be done, nothing more is read. */
  #throttle(): void {
    const { unansweredCountMax, unansweredBytesMax } = this.#options;
    const isMuch = this.#begun.size + this.#sentCount >= unansweredCountMax || this.#begunBytes >= unansweredBytesMax;
    if (isMuch || this.#isBusy) this.#channel.pause();
    else this.#channel.resume();
  }

  #writeReceipt({ command, headers }: Frame): void {
    const receipt = headers.get('receipt');
    if (receipt === undefined || command === 'CONNECT' || command === 'STOMP') return;
    this.#write('RECEIPT', [['receipt-id', receipt]]);
  }

  #writeError(reason: MqError): void {
    const { code, message } = reason;
    const receipt = this.#failed?.headers.get('receipt');
    const headers: HeaderList = [
      ['message', `${code}: ${message}`.slice(0, MESSAGE_CHARACTERS_MAX)],
      ['code', code],
      ...(receipt === undefined ? [] : [['receipt-id', receipt] as const]),
      ...(this.#reader.version === undefined ? [['version', VERSIONS.toReversed().join(',')] as const] : []),
      ['content-type', 'text/plain'],
    ];
    const body = Buffer.from(`${message}\n`);
    this.#write('ERROR', [...headers, ['content-length', String(body.length)]], body);
  }

  #write(command: string, headers: HeaderList, body?: Uint8Array): void {
    const frame = { command, headers, ...(body !== undefined && { body }) };
    writeFrame(this.#channel, frame, this.#version);
  }
}
