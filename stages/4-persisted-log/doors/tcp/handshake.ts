/**
 * The first frame of either side: `hello` says who comes, `welcome` says who is there and what was agreed.
 *
 *     hello     magic "mq" u16 | versionMin u16 | versionMax u16 | heartbeatMs u32 | frameBytesMax u32 | token text? | name text |
 *               user text? | password text?          the last two from version 2 on
 *     welcome   version u16 | heartbeatMs u32 | introduction: JSON, to the end of the frame
 *
 * Always true: what a peer says of itself is checked here, before anything relies on it. Pure.
 */
import { type Capability, isCapability } from '../../../../shared/contract/capabilities.ts';
import { LIMITS, type Limits } from '../../../../shared/contract/limits.ts';
import { FieldsReader, refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { jsonIn } from './wire-error.ts';

/** Versions of docs/protocol-tcp.md that are spoken here: 2 adds to 1 what the capabilities `SINCE_2` need. */
export const VERSIONS = Object.freeze({ min: 1, max: 2 });
/** What no frame of version 1 can carry. */
export const SINCE_2: ReadonlySet<Capability> = new Set<Capability>([
  ...(['transactions', 'idempotence', 'dedup', 'half-message', 'filters'] as const),
]);
/** "mq" */
const MAGIC = 0x6d71;
/** The longest first frame: nobody is known yet, so nobody is listened to for long. */
export const HELLO_BYTES_MAX = 4096;

export interface Hello {
  readonly versionMin: number;
  readonly versionMax: number;
  /** How often the client wants to be sure that the other side is there. */
  readonly heartbeatMs: number;
  /** Longest frame the client takes. */
  readonly frameBytesMax: number;
  readonly token: string | null;
  readonly user?: string | null;
  readonly password?: string | null;
  /** What the client is called, for people. */
  readonly name: string;
}

/** What a server takes of one connection. */
export interface DoorLimits {
  /** Of one frame, its length not counted. */
  readonly frameBytesMax: number;
  /** Requests without an answer. */
  readonly requestsCountMax: number;
  /** Bytes of sends without an answer; more than that may not be read until some are answered. */
  readonly unansweredBytesMax: number;
  readonly subscriptionsCountMax: number;
}

/** Who is behind the door, as `GET /broker` says it over HTTP. */
export interface Introduction {
  readonly name: string;
  readonly version: string;
  readonly protocolVersion: number;
  readonly capabilities: readonly string[];
  readonly limits: Limits;
  readonly door: DoorLimits;
}

export interface Welcome {
  readonly version: number;
  readonly heartbeatMs: number;
  readonly name: string;
  readonly capabilities: ReadonlySet<Capability>;
  readonly limits: Limits;
  readonly door: DoorLimits;
}

export function writeHello(out: FrameWriter, hello: Hello): void {
  out.begin(FRAME.hello, 0).u16(MAGIC).u16(hello.versionMin).u16(hello.versionMax);
  out.u32(hello.heartbeatMs).u32(hello.frameBytesMax).text(hello.token).text(hello.name);
  if (hello.versionMax > 1) out.text(hello.user ?? null).text(hello.password ?? null);
  out.end();
}

export function readHello(content: Uint8Array): Hello {
  const reader = new FieldsReader(content);
  if (reader.u16('the magic') !== MAGIC) refuse('the magic', 'is not that of this protocol');
  const hello: Hello = {
    versionMin: reader.u16('versionMin'),
    versionMax: reader.u16('versionMax'),
    heartbeatMs: reader.u32('heartbeatMs'),
    frameBytesMax: reader.u32('frameBytesMax'),
    token: reader.textIfThere('the token'),
    name: reader.text('the name'),
  };
  if (hello.versionMax <= 1) return hello;
  // What follows these two is said by a later version, and not for us.
  return { ...hello, user: reader.textIfThere('the user'), password: reader.textIfThere('the password') };
}

export function writeWelcome(
  out: FrameWriter,
  welcome: { readonly version: number; readonly heartbeatMs: number; readonly introduction: Introduction },
): void {
  out.begin(FRAME.welcome, 0).u16(welcome.version).u32(welcome.heartbeatMs);
  out.bytesOf(Buffer.from(JSON.stringify(welcome.introduction))).end();
}

export function readWelcome(content: Uint8Array): Welcome {
  const reader = new FieldsReader(content);
  const version = reader.u16('the version');
  if (version < VERSIONS.min || version > VERSIONS.max) {
    refuse('the version', `is ${version}, and this client speaks ${VERSIONS.min} to ${VERSIONS.max}`);
  }
  const heartbeatMs = reader.u32('heartbeatMs');
  if (heartbeatMs < 1) refuse('heartbeatMs', 'is 0');
  const said = objectIn('the introduction', jsonIn('the introduction', reader.rest()));
  const { name, capabilities } = said;
  if (typeof name !== 'string') refuse('the introduction', 'has no name');
  if (!Array.isArray(capabilities)) refuse('the introduction', 'has no capabilities');
  return {
    version,
    heartbeatMs,
    name,
    // A capability this client has never heard of is none it could use.
    capabilities: new Set(capabilities.filter(isCapability)),
    limits: numbersIn('limits', said.limits, LIMITS),
    door: numbersIn('door', said.door, DOOR_LIMITS),
  };
}

/** What a server takes that does not say. */
export const DOOR_LIMITS: DoorLimits = Object.freeze({
  frameBytesMax: 16 * 1024 * 1024,
  requestsCountMax: 16_384,
  unansweredBytesMax: 32 * 1024 * 1024,
  subscriptionsCountMax: 1024,
});

/** The numbers of `known` that were said, and those of `known` where none was; later servers may say more. */
function numbersIn<T extends object>(field: string, said: unknown, known: T): T {
  const numbers: Record<string, number> = {};
  for (const [name, value] of Object.entries(objectIn(field, said ?? {}))) {
    if (!Number.isSafeInteger(value) || (value as number) < 1) refuse(`${field}.${name}`, 'is no whole number from 1');
    if (Object.hasOwn(known, name)) numbers[name] = value as number;
  }
  return Object.freeze({ ...known, ...numbers });
}

function objectIn(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, 'is no object');
  return value as Record<string, unknown>;
}
