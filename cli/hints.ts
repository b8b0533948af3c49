/**
 * What to type instead: the second line of a failure, in the names the command line has. A broker speaks of
 * `options.leaseMs`, a person typed `--lease`; a hint names the topic that was asked for, and only options that exist.
 *
 * Always true: an option is named only when the command that failed has it. Pure functions; `exit.ts` calls them.
 */
import type { ErrorCode } from '../shared/contract/errors.ts';
import { shellWord } from './text.ts';

/** What was asked for, as far as it helps to say what to type instead. */
export interface Asked {
  /** `receive`, or `groups seek`; undefined while no command has begun. */
  readonly command?: string;
  readonly topic?: string;
  /** The options and arguments the command has: `--lease`, `<to>`. */
  readonly flags?: readonly string[];
  /** What the failure itself says. */
  readonly failure?: string;
}

/** Options of the contract whose flag is not their name in lower case. */
const FLAGS: Readonly<Record<string, string>> = {
  deadLetterExpired: '--dead-letter-expired',
  dedupWindowMs: '--dedup-window',
  delayMs: '--delay',
  deliverAt: '--at',
  flushIntervalMs: '--flush-interval',
  flushPolicy: '--flush',
  headers: '--header',
  ids: '--id',
  isEphemeral: '--ephemeral',
  leaseMs: '--lease',
  memberId: '--member',
  partitionCount: '--partitions',
  retentionMs: '--retention',
  tags: '--tag',
  timeoutMs: '--timeout',
  to: '<to>',
  ttlMs: '--ttl',
  waitMs: '--wait',
};
/** How the contract's messages name an option: `options.leaseMs`, `messages[3].key`, `options.start.timestamp`. */
const OPTION_PATH =
  /\b(?:options\.topicDefaults|options\.filter|options|message|messages\[\d+\])\.(\w+)(?:\.\w+|\[\d+\])*/g;

/** `message` with every option called what it is called on the command line. */
export function inFlags(message: string, { flags = [] }: Asked): string {
  return message.replace(OPTION_PATH, (path, name: string) => {
    const flag = FLAGS[name] ?? `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return flags.includes(flag) ? flag : path;
  });
}

/** What to type after a failure with `code`; undefined where nothing would help. */
export function hintFor(code: ErrorCode, asked: Asked): string | undefined {
  const { command = '', topic = '<topic>', flags = [], failure = '' } = asked;
  const named = topic === '<topic>' ? topic : shellWord(topic);
  switch (code) {
    case 'MQ_UNREACHABLE':
      return unreachableHint(failure);
    case 'MQ_CLOSED':
    case 'MQ_CONNECTION_LOST':
    case 'MQ_TIMEOUT':
      return 'see whether the server still runs: mq doctor';
    case 'MQ_FORBIDDEN':
      if (!failure.includes(' may not ')) return undefined; // a foreign Host, say
      return 'who may do what stands in the users.json of the server: mq user list';
    case 'MQ_INVALID_SELECTOR':
      return `a text has single quotes: --selector "region = 'eu' AND price > 10"     (all of it: docs/selectors.md)`;
    case 'MQ_UNAUTHORIZED':
      return 'say who you are: --token <token> or $MQ_TOKEN, or --user <name> and its password in $MQ_PASSWORD or typed';
    case 'MQ_UNKNOWN_TOPIC':
      return `see which topics there are: mq topics     (or make this one: mq topics create ${named})`;
    case 'MQ_UNKNOWN_GROUP':
      return `see which groups there are: mq groups ${named}     (or make one: mq groups create ${named} <group>)`;
    case 'MQ_TOPIC_EXISTS':
      return `see which it has: mq topics describe ${named}`;
    case 'MQ_GROUP_EXISTS':
      return `see which it has: mq groups describe ${named} <group>     (another filter is another group)`;
    case 'MQ_QUEUE_FULL':
      return `make room by reading: mq receive ${named}     (or wait longer: --timeout <ms>)`;
    case 'MQ_OFFSET_OUT_OF_RANGE':
      if (flags.includes('--offset')) return 'start at the first message that is held: --offset earliest';
      return command === 'groups seek'
        ? `go to the first message that is held: mq groups seek ${named} <group> earliest`
        : undefined;
    case 'MQ_GROUP_KIND':
      if (!flags.includes('--group')) return undefined;
      return 'a group either receives or fetches and commits: take another name with --group <name>';
    case 'MQ_GROUP_TAKEN':
      return `wait until it is free, or see who has it: mq groups describe ${named} <group>`;
    case 'MQ_DATA_LOCKED':
      return flags.includes('--data')
        ? 'one broker at a time: stop the other one, or take another folder: --data <folder>'
        : 'stop the broker that runs there, and try again';
    case 'MQ_DATA_VERSION':
      return 'take the stage that wrote it, or another folder: --data <folder>';
    case 'MQ_STORAGE_FAILED':
      return flags.includes('--data') ? 'take another folder: --data <folder>' : undefined;
    case 'MQ_CORRUPT':
      return 'see what is damaged, and what can be done: mq verify <folder>';
    case 'MQ_STORAGE_FULL':
      return 'make room on the disk; finished messages leave it of topics made with --delete-finished or --retention';
    case 'MQ_NOT_SUPPORTED':
      return flags.includes('--target') ? 'see what the broker there can do: mq doctor' : `type: mq ${command} --help`;
    case 'MQ_INVALID_ARGUMENT':
      return command === '' ? undefined : `type: mq ${command} --help`;
    case 'MQ_PROTOCOL':
      return 'see whether the target is a StageMQ server: mq doctor';
    default:
      return undefined;
  }
}

/** There may well be a server: one whose certificate nobody vouches for, or one that speaks with TLS or without. */
function unreachableHint(failure: string): string {
  if (failure.includes('certificate'))
    return 'say whom to trust: --ca <file> or $MQ_CA, the certificate of who signed it';
  if (failure.includes('mqs: differ'))
    return 'a server with TLS is mqs:// and https://, one without is mq:// and http://';
  return 'start a server with: mq serve 3, for mq:// 4     (or name a running one: --target <url> or $MQ_TARGET)';
}
