/**
 * The words of STOMP: versions, commands, what a frame is, and what it looks like as text.
 *
 *     SEND\n  destination:/queue/a\n  \n  body ... NUL
 *
 * Always true: what `encodeFrame` writes, a client of that version reads as it was meant: no value can end its line or its
 * frame. Pure. docs/protocol-stomp.md explains each word.
 */
import type { ByteChannel } from '../byte-channel.ts';

export type Version = '1.0' | '1.1' | '1.2';
/** The best one first. */
export const VERSIONS: readonly Version[] = ['1.2', '1.1', '1.0'];

/** What a client may say; whether it has a body, and since when there is such a command. */
export const COMMANDS: ReadonlyMap<string, { readonly hasBody: boolean; readonly since: Version }> = new Map(
  Object.entries({
    CONNECT: { hasBody: false, since: '1.0' },
    STOMP: { hasBody: false, since: '1.0' },
    SEND: { hasBody: true, since: '1.0' },
    SUBSCRIBE: { hasBody: false, since: '1.0' },
    UNSUBSCRIBE: { hasBody: false, since: '1.0' },
    ACK: { hasBody: false, since: '1.0' },
    NACK: { hasBody: false, since: '1.1' },
    BEGIN: { hasBody: false, since: '1.0' },
    COMMIT: { hasBody: false, since: '1.0' },
    ABORT: { hasBody: false, since: '1.0' },
    DISCONNECT: { hasBody: false, since: '1.0' },
  }),
);

/** A frame that a client said. */
export interface Frame {
  readonly command: string;
  /** Of a name that is there several times the first value. */
  readonly headers: ReadonlyMap<string, string>;
  /** Every value, in order, of the names that are there several times. */
  readonly repeated: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
}

/** Names and values in the order in which they are written. */
export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Behind the body of every frame. */
const NUL = Uint8Array.of(0);
const NOTHING = new Uint8Array(0);
const NO_VALUES: Readonly<Record<string, string>> = {};
const ESCAPES: Readonly<Record<Version, Readonly<Record<string, string>>>> = {
  // There are none: what would be read as something else is a blank.
  '1.0': { '\n': ' ', '\r': ' ' },
  '1.1': { '\\': '\\\\', '\n': '\\n', ':': '\\c' },
  '1.2': { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' },
};
/** Written as they are in every version, since a client reads them before it knows the version. */
const UNESCAPED = new Set(['CONNECTED']);
const SPECIAL = /[\\\n\r:\0]/;
/** A NUL would end the frame for a client that looks for it first. */
const NUL_SHOWN = '\ufffd';

/** A frame that a server says. */
export interface FrameOut {
  readonly command: string;
  readonly headers: HeaderList;
  readonly body?: Uint8Array;
}

/** The pieces of a frame, behind one another. */
export function encodeFrame({ body, ...head }: FrameOut, version: Version): readonly Uint8Array[] {
  const text = headOf(head, version);
  if (body === undefined || body.length === 0) return [Buffer.from(`${text}\0`)];
  return [Buffer.from(text), body, NUL];
}

/** The frame leaves through `channel`: made where it leaves from, if it is small. */
export function writeFrame(channel: Pick<ByteChannel, 'reserve' | 'write'>, frame: FrameOut, version: Version): void {
  const { body = NOTHING } = frame;
  const text = headOf(frame, version);
  const textBytes = Buffer.byteLength(text);
  const room = channel.reserve(textBytes + body.length + 1);
  if (room === undefined) {
    channel.write(...encodeFrame(frame, version));
    return;
  }
  room.bytes.write(text, room.at);
  room.bytes.set(body, room.at + textBytes);
  room.bytes[room.at + textBytes + body.length] = 0;
}

/** With the blank line behind it. */
function headOf({ command, headers }: FrameOut, version: Version): string {
  const escapes = UNESCAPED.has(command) ? ESCAPES['1.0'] : ESCAPES[version];
  let head = `${command}\n`;
  for (const [name, value] of headers) {
    // In 1.0 such a name would be read as another one.
    if (escapes[':'] === undefined && name.includes(':')) continue;
    head += `${escaped(name, escapes)}:${escaped(value, escapes)}\n`;
  }
  return `${head}\n`;
}

function escaped(text: string, escapes: Readonly<Record<string, string>> = NO_VALUES): string {
  if (!SPECIAL.test(text)) return text;
  return text.replace(/[\\\n\r:\0]/g, (character) => {
    return character === '\0' ? NUL_SHOWN : (escapes[character] ?? character);
  });
}

const MEANINGS: Readonly<Record<string, string>> = { '\\n': '\n', '\\c': ':', '\\\\': '\\', '\\r': '\r' };

/** What an escaped name or value means; undefined for an escape that this version does not know and that breaks it. */
export function unescaped(text: string, version: Version): string | undefined {
  if (version === '1.0' || !text.includes('\\')) return text;
  let isBroken = false;
  const meant = text.replace(/\\[\s\S]?/g, (written) => {
    const meaning = version === '1.2' || written !== '\\r' ? MEANINGS[written] : undefined;
    if (meaning === undefined && version === '1.2') isBroken = true;
    return meaning ?? written;
  });
  return isBroken ? undefined : meant;
}
