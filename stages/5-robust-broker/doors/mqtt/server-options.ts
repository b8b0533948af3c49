/**
 * What `createMqttServer` takes, with its defaults: one place for every limit of the door.
 *
 * Always true: what is wrong is `MQ_INVALID_ARGUMENT` with the option's name, before any socket is opened.
 * docs/protocol-mqtt.md explains each number.
 */
import { invalidArgument } from '../../../../shared/contract/validation.ts';
import { TIMEOUT_MS_MAX } from '../../../4-persisted-log/doors/door-options.ts';
import {
  type CheckedProtocolDoorOptions,
  checkProtocolDoorOptions,
  type ProtocolDoorOptions,
} from '../door-server-options.ts';
import { NEVER } from './client-session.ts';

/** Of `createMqttServer`. Every other door has the first part of them too. */
export interface MqttServerOptions extends ProtocolDoorOptions {
  /** Sessions, packet ids and retained messages are kept in this SQLite file. Default: they are gone with the process. */
  readonly storeFile?: string;
  /** Of one packet from a client, in bytes; told to it. Default 1.25 MiB. */
  readonly packetBytesMax?: number;
  /** Of a CONNECT, from somebody nobody knows yet. Default 256 KiB. */
  readonly connectBytesMax?: number;
  /** Messages of QoS 1 and 2 of one client that wait for their answer; told to it. Default 65,535: as many as there are packet ids. */
  readonly receiveMaximum?: number;
  /** The same of all QoS, in bytes: above it nothing more is read. Default 8 MiB. */
  readonly unansweredBytesMax?: number;
  /** Deliveries on their way to one client for each subscription, whatever the client says. Default 256. */
  readonly creditMax?: number;
  /** Names that one connection may give numbers; told to the client. Default 32. */
  readonly topicAliasMaximum?: number;
  /** Of one client. Default 1024. */
  readonly subscriptionsCountMax?: number;
  /** Clients that are connected or expected back. Default 16,384. */
  readonly sessionsCountMax?: number;
  /** Whoever wants its session kept for longer gets this. Default: for ever, which is 2^32 - 1. */
  readonly sessionExpirySecondsMax?: number;
  /** Of MQTT 5 clients that ask for longer, or for none. Default: whatever they ask for. */
  readonly keepAliveSecondsMax?: number;
  /** Topics with a retained message. Default 65,536. */
  readonly retainedCountMax?: number;
  /** All retained messages together. Default 64 MiB. */
  readonly retainedBytesMax?: number;
  /** How long a message waits for room in a full topic. Default 30 s. */
  readonly publishTimeoutMs?: number;
}

const MEBIBYTE = 1024 ** 2;

const NUMBERS = {
  packetBytesMax: { min: 1024, max: 268_435_460, fallback: 1.25 * MEBIBYTE },
  connectBytesMax: { min: 1024, max: 268_435_460, fallback: MEBIBYTE / 4 },
  receiveMaximum: { min: 1, max: 65_535, fallback: 65_535 },
  unansweredBytesMax: { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: 8 * MEBIBYTE },
  creditMax: { min: 1, max: 65_535, fallback: 256 },
  topicAliasMaximum: { min: 0, max: 65_535, fallback: 32 },
  subscriptionsCountMax: { min: 1, max: 1_000_000, fallback: 1024 },
  sessionsCountMax: { min: 1, max: 1_000_000, fallback: 16_384 },
  sessionExpirySecondsMax: { min: 0, max: NEVER, fallback: NEVER },
  keepAliveSecondsMax: { min: 0, max: 65_535, fallback: 0 },
  retainedCountMax: { min: 0, max: 10_000_000, fallback: 65_536 },
  retainedBytesMax: { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 64 * MEBIBYTE },
  publishTimeoutMs: { min: 0, max: TIMEOUT_MS_MAX, fallback: 30_000 },
} as const;

/** Options with every default filled in. */
export type CheckedMqttServerOptions = CheckedProtocolDoorOptions &
  Readonly<Record<keyof typeof NUMBERS, number>> &
  Pick<MqttServerOptions, 'storeFile'>;

export function checkMqttServerOptions(options: MqttServerOptions = {}): CheckedMqttServerOptions {
  const checked = checkProtocolDoorOptions(options, { numbers: NUMBERS, others: ['storeFile'] });
  const { storeFile } = options;
  if (storeFile !== undefined && (typeof storeFile !== 'string' || storeFile === '')) {
    throw invalidArgument('options.storeFile', 'the path of a file', storeFile);
  }
  return { ...checked, storeFile };
}
