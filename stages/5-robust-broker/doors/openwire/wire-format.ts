/**
 * The first thing that both sides say: which version they speak, and how.
 *
 *     client: version 12, tight, cached, 30 s      server: version 12, loose, not cached, 30 s
 *                          \-----> version 12, loose, not cached, 30 s <-----/
 *
 * Always true: what is in force is what both can: the lower version, the shorter time; the tight encoding and the caches of
 * OpenWire are never in force, since this side does not offer them. Pure. The session uses it.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import type { TypedValue } from '../typed-values.ts';
import { VERSIONS, type WireFormatInfo } from './commands.ts';
import { decodeMap, encodeMap } from './typed-wire.ts';

export const MAGIC = Buffer.from('ActiveMQ');
/** Both sides' first silence may be longer, as the client's JVM may be slow to start. */
const FIRST_SILENCE_MS = 10_000;
/** Nobody has this side say more often than that that it is there. */
const INACTIVITY_MS_MIN = 100;
/** ActiveMQ itself spells it so. */
const FIRST_SILENCE = 'MaxInactivityDurationInitalDelay';

/** What is in force. */
export interface WireFormat {
  readonly version: number;
  /** How long either side may be silent; 0: for ever. */
  readonly inactivityMs: number;
  /** How much longer a silence may be at the beginning. */
  readonly firstSilenceMs: number;
}

/** What this side offers. */
export interface Offer extends Pick<WireFormat, 'inactivityMs'>, Partial<Pick<WireFormat, 'firstSilenceMs'>> {
  /** The largest frame that this side takes. */
  readonly frameBytesMax: number;
}

/** What this side says. */
export function wireFormatInfo({
  inactivityMs,
  firstSilenceMs = FIRST_SILENCE_MS,
  frameBytesMax,
}: Offer): WireFormatInfo {
  const no: TypedValue = { type: 'boolean', value: false };
  const long = (value: number): TypedValue => ({ type: 'long', value: BigInt(value) });
  const properties = new Map<string, TypedValue>([
    ['TightEncodingEnabled', no],
    ['CacheEnabled', no],
    ['SizePrefixDisabled', no],
    ['StackTraceEnabled', no],
    ['TcpNoDelayEnabled', { type: 'boolean', value: true }],
    ['CacheSize', { type: 'int', value: 0 }],
    ['MaxInactivityDuration', long(inactivityMs)],
    [FIRST_SILENCE, long(firstSilenceMs)],
    ['MaxFrameSize', long(frameBytesMax)],
    ['ProviderName', { type: 'string', value: 'StageMQ' }],
  ]);
  return { type: 'WireFormatInfo', magic: MAGIC, version: VERSIONS.max, properties: encodeMap(properties) };
}

/** What is in force between this side and one that said `info`. `MQ_PROTOCOL` when there is no version in common. */
export function negotiate(info: WireFormatInfo, offer: Offer): WireFormat {
  if (info.version < VERSIONS.min) {
    const spoken = `versions ${VERSIONS.min} to ${VERSIONS.max} of OpenWire are spoken here`;
    throw new MqError('MQ_PROTOCOL', `${spoken}, version ${info.version} there`);
  }
  const properties = info.properties === null ? new Map<string, TypedValue>() : decodeMap(info.properties);
  const { firstSilenceMs = FIRST_SILENCE_MS } = offer;
  const theirs = (name: string, otherwise: number): number => numberIn(properties.get(name)) ?? otherwise;
  const inactivityMs = Math.min(theirs('MaxInactivityDuration', 0), offer.inactivityMs);
  return {
    version: Math.min(info.version, VERSIONS.max),
    inactivityMs: inactivityMs > 0 ? Math.max(inactivityMs, INACTIVITY_MS_MIN) : 0,
    firstSilenceMs: Math.max(Math.min(theirs(FIRST_SILENCE, firstSilenceMs), firstSilenceMs), 0),
  };
}

function numberIn(value: TypedValue | undefined): number | undefined {
  if (value === undefined || (value.type !== 'long' && value.type !== 'int')) return undefined;
  return Number(value.value);
}
