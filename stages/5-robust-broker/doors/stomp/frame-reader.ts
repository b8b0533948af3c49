/**
 * Finds frames in what comes, however it is cut.
 *
 *     between frames --first byte--> head, line by line --blank line--> body --NUL--> a Frame
 *          ^  line ends: signs of life                    content-length bytes, or up to the NUL
 *
 * Always true (I33): the same bytes give the same frames, whole or in any pieces; nothing is put by for a frame that its
 * limits, its command or its content-length forbid; every byte is looked at a bounded number of times; after an error nothing
 * more is read. A body is the reader's own bytes, never written to again. Pure, but for what it remembers.
 */
import { isUtf8 } from 'node:buffer';
import { MqError } from '../../../../shared/contract/errors.ts';
import { quote } from '../../../../shared/contract/validation.ts';
import { COMMANDS, type Frame, unescaped, type Version } from './frame.ts';
import { findPlainHead } from './plain-head.ts';

/** What one frame may have at most. */
export interface FrameLimits {
  readonly headersCountMax: number;
  /** Of one line: name, colon, value. */
  readonly headerBytesMax: number;
  /** Of the command and all headers together. */
  readonly headBytesMax: number;
  readonly bodyBytesMax: number;
}

export interface FrameReaderOptions extends FrameLimits {
  readonly onFrame: (frame: Frame) => void;
}

const LF = 10;
const CR = 13;
const COMMAND_BYTES_MAX = 16;
const CONTENT_LENGTH = /^\d{1,15}$/;
/** Room that is made at least when a frame goes on in the next piece. */
const ROOM_BYTES_MIN = 1024;
const NOTHING = Buffer.alloc(0);

export class FrameReader {
  limits: FrameLimits;
  /** Agreed by CONNECT; before, the most generous rules hold. */
  version: Version | undefined;
  readonly #onFrame: (frame: Frame) => void;
  /** What came and is not a frame yet: `#bytes` from `#at` to `#end`. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  /** Frames begun so far. */
  begunCount = 0;
  #place: 'between' | 'head' | 'body' | 'stopped' = 'between';
  /** From `#at`: what has been looked at, where the line began, and where the body begins. */
  #scanned = 0;
  #lineAt = 0;
  #bodyAt = 0;
  #bodyBytes: number | undefined;
  #command = '';
  #headers = new Map<string, string>();
  #repeated: [string, string][] = [];
  #headersCount = 0;

  constructor({ onFrame, ...limits }: FrameReaderOptions) {
    this.limits = limits;
    this.#onFrame = onFrame;
  }

  get isWithinFrame(): boolean {
    return this.#place === 'head' || this.#place === 'body';
  }

  /** Calls `onFrame` for each frame that is whole now. Throws `MQ_PROTOCOL` and the like, once; the piece is the reader's. */
  push(piece: Buffer): void {
    if (this.#place === 'stopped') return;
    try {
      const rest = this.#at === this.#end ? piece : this.#goOn(piece);
      if (rest.length === 0) return;
      [this.#bytes, this.#at, this.#end] = [rest, 0, rest.length];
      this.#read(rest.length);
      if (this.#at === this.#end) this.#bytes = NOTHING;
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Nothing more is read. */
  stop(): void {
    this.#place = 'stopped';
    this.#bytes = NOTHING;
    [this.#at, this.#end] = [0, 0];
  }

  /** Reads the frame that had begun before `piece`, of which no more is copied than it takes; answers what is left. */
  #goOn(piece: Buffer): Buffer {
    let rest = piece;
    while (rest.length > 0) {
      const taken = rest.subarray(0, Math.max(this.#end - this.#at, ROOM_BYTES_MIN));
      this.#append(taken);
      const boundary = this.#end - taken.length;
      this.#read(boundary);
      if (this.#at >= boundary) return rest.subarray(this.#at - boundary);
      rest = rest.subarray(taken.length);
    }
    return rest;
  }

  #append(piece: Buffer): void {
    if (this.#bytes.length - this.#end < piece.length) {
      const left = this.#end - this.#at;
      // Twice what there is, so that a frame in a thousand pieces is copied a few times and not a thousand times.
      const larger = Buffer.allocUnsafeSlow(2 * (left + piece.length));
      this.#bytes.copy(larger, 0, this.#at, this.#end);
      [this.#bytes, this.#at, this.#end] = [larger, 0, left];
    }
    piece.copy(this.#bytes, this.#end);
    this.#end += piece.length;
  }

  /** All frames that begin before `limit`. */
  #read(limit: number): void {
    while (this.#at < limit && this.#step());
  }

  /** True when there may be more in what came. */
  #step(): boolean {
    switch (this.#place) {
      case 'between':
        return this.#begin();
      case 'head':
        return this.#readHead(this.#bytes.subarray(this.#at, this.#end));
      case 'body':
        return this.#readBody();
      default:
        return false;
    }
  }

  #begin(): boolean {
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at];
      if (byte !== LF && !(byte === CR && this.#mayHaveCr)) break;
      this.#at += 1;
    }
    if (this.#at === this.#end) return false;
    this.begunCount += 1;
    this.#place = 'head';
    this.#scanned = 0;
    this.#lineAt = 0;
    this.#bodyAt = 0;
    this.#headersCount = 0;
    this.#bodyBytes = undefined;
    this.#command = '';
    this.#headers = new Map();
    this.#repeated = [];
    this.#readPlainHead();
    return true;
  }

  /** Reads all of it at once, if that is possible; otherwise nothing has happened. */
  #readPlainHead(): void {
    const limits = { commandBytesMax: COMMAND_BYTES_MAX, ...this.limits };
    const end = findPlainHead(this.#bytes, { from: this.#at, end: this.#end, limits });
    if (end === -1) return;
    const text = this.#bytes.toString('latin1', this.#at, end);
    for (let lineAt = 0; lineAt < text.length; ) {
      const lineEnd = text.indexOf('\n', lineAt);
      const hasCr = this.#mayHaveCr && text.charCodeAt(lineEnd - 1) === CR;
      const line = text.slice(lineAt, hasCr ? lineEnd - 1 : lineEnd);
      lineAt = lineEnd + 1;
      if (this.#command === '') this.#readCommand(line);
      else if (line !== '') this.#readHeader(line);
    }
    this.#scanned = text.length;
    this.#lineAt = text.length;
    this.#endHead();
  }

  /** Before the version is known, and in 1.2, a line may end with CR LF. */
  get #mayHaveCr(): boolean {
    return this.version === undefined || this.version === '1.2';
  }

  #readHead(view: Buffer): boolean {
    const { headBytesMax } = this.limits;
    for (;;) {
      const lineEnd = view.indexOf(LF, this.#scanned);
      const end = lineEnd === -1 ? view.length : lineEnd;
      const bytesMax = this.#command === '' ? COMMAND_BYTES_MAX : this.limits.headerBytesMax;
      if (end - this.#lineAt > bytesMax) throw this.#tooLongALine(view);
      if (end > headBytesMax) throw tooLarge(`the headers of a frame are at most ${headBytesMax} bytes`);
      if (lineEnd === -1) {
        if (view.indexOf(0, this.#scanned) !== -1) throw broken('a NUL before the end of the headers');
        this.#scanned = end;
        return false;
      }
      const line = textOf(view.subarray(this.#lineAt, this.#mayHaveCr && view[end - 1] === CR ? end - 1 : end));
      this.#lineAt = lineEnd + 1;
      this.#scanned = this.#lineAt;
      if (this.#command === '') this.#readCommand(line);
      else if (line === '') return this.#endHead();
      else this.#readHeader(line);
    }
  }

  #readCommand(line: string): void {
    const command = COMMANDS.get(line);
    if (command === undefined || (this.version === '1.0' && command.since !== '1.0')) {
      throw broken(`${quote(line, COMMAND_BYTES_MAX)} is no command of STOMP ${this.version ?? ''}`.trimEnd());
    }
    this.#command = line;
  }

  #readHeader(line: string): void {
    this.#headersCount += 1;
    const { headersCountMax } = this.limits;
    if (this.#headersCount > headersCountMax) throw tooLarge(`a frame has at most ${headersCountMax} headers`);
    const colon = line.indexOf(':');
    if (colon === -1) throw broken(`a header without a colon: ${quote(line, 40)}`);
    const name = this.#meaningOf(line.slice(0, colon));
    const value = this.#meaningOf(line.slice(colon + 1));
    if (name === '') throw broken('a header without a name');
    const first = this.#headers.get(name);
    if (first === undefined) {
      this.#headers.set(name, value);
      return;
    }
    if (!this.#repeated.some(([known]) => known === name)) this.#repeated.push([name, first]);
    this.#repeated.push([name, value]);
  }

  #meaningOf(text: string): string {
    // What CONNECT says is said before it is clear which escapes there are.
    if (this.#command === 'CONNECT' || this.#command === 'STOMP' || this.version === undefined) return text;
    if (this.version === '1.0') return text.trim();
    const meant = unescaped(text, this.version);
    if (meant === undefined) throw broken(`an escape that there is not: ${quote(text, 40)}`);
    return meant;
  }

  #endHead(): boolean {
    this.#bodyAt = this.#lineAt;
    this.#place = 'body';
    const length = this.#headers.get('content-length');
    if (length === undefined) return true;
    if (!CONTENT_LENGTH.test(length)) throw broken(`content-length is a number of bytes, not ${quote(length, 40)}`);
    this.#bodyBytes = Number(length);
    this.#checkBody(this.#bodyBytes);
    return true;
  }

  #readBody(): boolean {
    const bytes = this.#bodyBytes === undefined ? this.#findNul() : this.#bodyAt + this.#bodyBytes;
    const end = bytes === undefined ? this.#end : this.#at + bytes;
    if (end >= this.#end) return false;
    if (this.#bytes[end] !== 0) throw broken('no NUL behind the body: its content-length is wrong');
    const body = this.#bytes.subarray(this.#at + this.#bodyAt, end);
    this.#at = end + 1;
    this.#place = 'between';
    this.#onFrame({ command: this.#command, headers: this.#headers, repeated: this.#repeated, body });
    return true;
  }

  /** From `#at`; undefined: it has not come. */
  #findNul(): number | undefined {
    const view = this.#bytes.subarray(this.#at, this.#end);
    const end = view.indexOf(0, this.#scanned);
    this.#checkBody((end === -1 ? view.length : end) - this.#bodyAt);
    this.#scanned = view.length;
    return end === -1 ? undefined : end;
  }

  #checkBody(bytes: number): void {
    if (bytes > 0 && COMMANDS.get(this.#command)?.hasBody !== true) throw broken(`a ${this.#command} has no body`);
    const { bodyBytesMax } = this.limits;
    if (bytes > bodyBytesMax) throw tooLarge(`a body has at most ${bodyBytesMax} bytes`);
  }

  /** Whoever speaks something else altogether is told so. */
  #tooLongALine(view: Buffer): MqError {
    if (this.#command !== '') return tooLarge(`a header is at most ${this.limits.headerBytesMax} bytes`);
    const begin = view.subarray(0, COMMAND_BYTES_MAX).toString('latin1');
    return broken(`this is no STOMP: it begins with ${quote(begin)}`);
  }
}

function textOf(line: Buffer): string {
  if (line.includes(0)) throw broken('a NUL before the end of the headers');
  if (!isUtf8(line)) throw broken('a header that is no UTF-8');
  return line.toString('utf8');
}

function broken(what: string): MqError {
  return new MqError('MQ_PROTOCOL', what);
}

function tooLarge(what: string): MqError {
  return new MqError('MQ_MESSAGE_TOO_LARGE', what);
}
