/**
 * What `createBroker` of this stage takes besides what every stage takes: where the data lies and how safe it is to be.
 *
 * Always true: a misspelt or impossible option is refused with its path, before anything is touched.
 */
import type { BrokerOptions } from '../../shared/broker-options.ts';
import {
  checkChoice,
  checkInteger,
  checkMethods,
  checkOptions,
  invalidArgument,
} from '../../shared/contract/validation.ts';
import type { Disk } from '../../shared/disk.ts';
import type { Codec } from './bytes/compression.ts';
import type { FlushPolicy } from './log/log.ts';

/** What `createBroker` of stage 4 takes; `MQ_INVALID_ARGUMENT` for what is misspelt or out of range. Sizes in bytes. */
export interface LogBrokerOptions extends BrokerOptions {
  /** Default: a new temporary folder, which `close` removes. */
  readonly dataFolder?: string;
  /** Default: that of this machine. */
  readonly disk?: Disk;
  /** `always` (default): a send is answered when it is on the disk. `interval`, `never`: when the system has it. */
  readonly flushPolicy?: FlushPolicy;
  /** Of `interval`. Default 1 s. */
  readonly flushIntervalMs?: number;
  /** Default 64 MiB. */
  readonly segmentBytesMax?: number;
  /** Batches kept in memory for readers, of all topics together. Default 64 MiB. */
  readonly cacheBytesMax?: number;
  /** How batches are compressed that the broker makes. Default `none`. */
  readonly codec?: Codec;
  /** With less room left on the disk nothing new is accepted (`MQ_STORAGE_FULL`). Default 16 MiB; 0: until it is full. */
  readonly diskReserveBytes?: number;
  /** Told what people should know and no call can tell: what recovery found, what a disk did. */
  readonly onNotice?: (text: string) => void;
}

const OWN_OPTIONS = [
  ...(['dataFolder', 'disk', 'flushPolicy', 'flushIntervalMs', 'segmentBytesMax', 'cacheBytesMax'] as const),
  ...(['codec', 'diskReserveBytes', 'onNotice'] as const),
] satisfies readonly (keyof LogBrokerOptions)[];

const FLUSH_POLICIES: readonly FlushPolicy[] = ['always', 'interval', 'never'];
const CODECS: readonly Codec[] = ['none', 'gzip', 'zstd'];
const MEBIBYTE = 1024 * 1024;

export interface CheckedLogOptions {
  readonly dataFolder: string | undefined;
  readonly disk: Disk | undefined;
  readonly flushPolicy: FlushPolicy;
  readonly flushIntervalMs: number;
  readonly segmentBytesMax: number;
  readonly cacheBytesMax: number;
  readonly codec: Codec;
  readonly diskReserveBytes: number;
  readonly onNotice: (text: string) => void;
}

/**
 * The options of this stage, and those of every stage, which are checked by whoever reads them. A later stage takes its own
 * out before; `ownNames` are only named where something is refused.
 */
export function checkLogOptions(
  options: LogBrokerOptions,
  ownNames: readonly string[] = [],
): { readonly own: CheckedLogOptions; readonly base: BrokerOptions } {
  checkOptions('options', options, [...OWN_OPTIONS, ...BASE_OPTIONS, ...ownNames]);
  const { dataFolder, disk, flushPolicy, codec, onNotice } = options;
  if (dataFolder !== undefined && (typeof dataFolder !== 'string' || dataFolder === '' || dataFolder.includes('\0'))) {
    throw invalidArgument('options.dataFolder', 'the path of a folder', dataFolder);
  }
  if (disk !== undefined)
    checkMethods('options.disk', disk, 'a Disk', ['list', 'open', 'rename', 'syncFolder', 'lock']);
  if (onNotice !== undefined && typeof onNotice !== 'function') {
    throw invalidArgument('options.onNotice', 'a function', onNotice);
  }
  const whole = (
    name: NumberName,
    range: { readonly min: number; readonly max: number; readonly fallback: number },
  ): number => checkInteger(`options.${name}`, options[name], range);
  const own: CheckedLogOptions = {
    dataFolder,
    disk,
    flushPolicy: checkChoice('options.flushPolicy', flushPolicy, FLUSH_POLICIES, 'always'),
    flushIntervalMs: whole('flushIntervalMs', { min: 1, max: 3_600_000, fallback: 1000 }),
    segmentBytesMax: whole('segmentBytesMax', { min: 1024, max: 1024 * MEBIBYTE, fallback: 64 * MEBIBYTE }),
    cacheBytesMax: whole('cacheBytesMax', { min: 1024, max: Number.MAX_SAFE_INTEGER, fallback: 64 * MEBIBYTE }),
    codec: checkChoice('options.codec', codec, CODECS, 'none'),
    diskReserveBytes: whole('diskReserveBytes', { min: 0, max: Number.MAX_SAFE_INTEGER, fallback: 16 * MEBIBYTE }),
    onNotice: onNotice ?? (() => undefined),
  };
  const base = Object.fromEntries(BASE_OPTIONS.map((name) => [name, options[name]])) as BrokerOptions;
  return { own, base };
}

type NumberName = 'flushIntervalMs' | 'segmentBytesMax' | 'cacheBytesMax' | 'diskReserveBytes';

const BASE_OPTIONS = [
  ...(['clock', 'random', 'autoCreateTopics', 'topicDefaults', 'limits', 'memberTimeoutMs'] as const),
] satisfies readonly (keyof BrokerOptions)[];
