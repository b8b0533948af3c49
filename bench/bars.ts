/**
 * The bars: what StageMQ wants to reach, as data, in one place. The bench measures and says whether each is met; it
 * never fails because of one, and no test asserts a time, for a busy machine is not a defect.
 *
 * Always true: subject and reference are contestants of the same scenario, so their ratio is taken round by round.
 */
import { PROTOCOL_BARS } from './protocol-doors/protocol-bars.ts';

/**
 * The subject does at least `ratioMin` times the messages per second of the reference; for a server that waited for its
 * load, as many per second of CPU time, unless what is claimed is what a caller gets, end to end.
 */
export interface RatioBar {
  readonly name: string;
  readonly claim: string;
  readonly scenario: string;
  readonly subject: string;
  readonly reference: string;
  readonly ratioMin: number;
  readonly isEndToEnd?: boolean;
}

/** The median response time of the subject is at most `ratioMax` times that of the reference. */
export interface TimeBar extends Omit<RatioBar, 'ratioMin' | 'isEndToEnd'> {
  readonly ratioMax: number;
}

/** Something that is measured by itself is at most `valueMax`, and no message was lost or came twice. */
export interface FigureBar {
  readonly claim: string;
  readonly unit: Unit;
  readonly valueMax: number;
}

/** How a figure is written: `times` is a ratio, `share` a part of a whole. */
export type Unit = 'bytes' | 'ms' | 'times' | 'share';

/** What long polls may cost the server (10,000 at once, in a quick run fewer), and how much of it must come back. */
export interface WaitersBar {
  readonly name: string;
  readonly claim: string;
  readonly bytesPerWaiterMax: number;
  readonly givenBackShareMin: number;
}

export const RATIO_BARS: readonly RatioBar[] = [
  {
    name: 'queue-fastq',
    claim: 'BlockingQueue, awaited put + take, at least 1.5 x fastq.promise',
    scenario: 'queue-in-turn',
    subject: 'BlockingQueue put + take',
    reference: 'fastq.promise',
    ratioMin: 1.5,
  },
  {
    name: 'queue-p-queue',
    claim: 'BlockingQueue, awaited put + take, at least 15 x p-queue',
    scenario: 'queue-all-at-once',
    subject: 'BlockingQueue put + take',
    reference: 'p-queue',
    ratioMin: 15,
  },
  {
    name: 'queue-drain',
    claim: 'BlockingQueue, offer + drain, at least 0.2 x denque',
    scenario: 'queue-drain',
    subject: 'BlockingQueue offer + drain',
    reference: 'denque',
    ratioMin: 0.2,
  },
  {
    name: 'stage-2-broker',
    claim: 'stage 2 send + receive(256) + cumulative ack at least 0.25 x stage 1 send + receive',
    scenario: 'broker',
    subject: 'stage 2',
    reference: 'stage 1',
    ratioMin: 0.25,
  },
  {
    name: 'post-single',
    claim: 'one message per POST at least 0.8 x a route with the same schema that drops the body',
    scenario: 'post-single',
    subject: 'stage 2 = 3',
    reference: 'floor route',
    ratioMin: 0.8,
  },
  {
    name: 'post-batch',
    claim: 'binary batches of 100 at least 0.4 x a route that drops the body',
    scenario: 'post-batch',
    subject: 'stage 2 = 3',
    reference: 'floor route',
    ratioMin: 0.4,
  },
  {
    name: 'log-bytes',
    claim: 'log over TCP, synced, opaque batches, end to end at least 0.5 x the byte floor',
    scenario: 'end-to-end',
    subject: 'log, opaque batches',
    reference: 'byte floor',
    ratioMin: 0.5,
    isEndToEnd: true,
  },
  {
    name: 'log-objects',
    claim: 'log over TCP, synced, through Producer and LogConsumer, end to end at least 0.25 x the byte floor',
    scenario: 'end-to-end',
    subject: 'log, Producer + LogConsumer',
    reference: 'byte floor',
    ratioMin: 0.25,
    isEndToEnd: true,
  },
  {
    name: 'queue-acks',
    claim: 'queue over TCP, synced, individual acks, end to end at least 0.15 x the byte floor',
    scenario: 'end-to-end',
    subject: 'queue, individual acks',
    reference: 'byte floor',
    ratioMin: 0.15,
    isEndToEnd: true,
  },
  {
    name: 'append-filled',
    claim: 'an append to a filled log costs at most 1.2 x one to an empty log',
    scenario: 'append-cost',
    subject: 'filled log',
    reference: 'empty log',
    ratioMin: 1 / 1.2,
  },
  {
    name: 'append-filled-tenfold',
    claim: 'an append to a log with ten times as much costs at most 1.2 x one to an empty log (--long)',
    scenario: 'append-cost',
    subject: 'log filled tenfold',
    reference: 'empty log',
    ratioMin: 1 / 1.2,
  },
  {
    name: 'idempotent-sends',
    claim: 'sends that are numbered at least 0.9 x plain ones',
    scenario: 'idempotent-sends',
    subject: 'idempotent sends',
    reference: 'plain sends',
    ratioMin: 0.9,
  },
  {
    name: 'transactions',
    claim: 'transactions of 100 messages, synced, at least 0.5 x plain batches of 100',
    scenario: 'transactions',
    subject: 'transactions',
    reference: 'batches',
    ratioMin: 0.5,
  },
  {
    name: 'metrics',
    claim: 'a message sent, received and acknowledged with metrics at least 0.97 x without',
    scenario: 'metrics',
    subject: 'metrics on',
    reference: 'metrics off',
    ratioMin: 0.97,
  },
  {
    name: 'read-committed',
    claim: 'reading what is committed at least 0.9 x reading everything',
    scenario: 'isolation',
    subject: 'read-committed',
    reference: 'read-uncommitted',
    ratioMin: 0.9,
  },
  {
    name: 'selectors',
    claim: "a selector of five terms at least 0.3 x JSON.parse of the same headers' bytes",
    scenario: 'selectors',
    subject: 'selector',
    reference: 'JSON.parse of the headers',
    ratioMin: 0.3,
  },
  ...PROTOCOL_BARS,
];

export const TIME_BARS: readonly TimeBar[] = [
  {
    name: 'pushed-time',
    claim: 'one in flight, unsynced: from send to pushed delivery in at most 2 x a bare TCP echo',
    scenario: 'pushed',
    subject: 'stage 4',
    reference: 'TCP echo',
    ratioMax: 2,
  },
  {
    name: 'synced-time',
    claim: 'one in flight, synced: a send takes at most 1.5 x an echo after a bare write + fdatasync',
    scenario: 'synced',
    subject: 'stage 4',
    reference: 'echo after write + fdatasync',
    ratioMax: 1.5,
  },
];

/** By name; each is measured in `figures/`. */
export const FIGURE_BARS = {
  'waiting-memory': {
    claim:
      'with messages of 1 KiB that nobody has received, the resident memory of the server is, at its most, 300 MiB',
    unit: 'bytes',
    valueMax: 300 * 1024 * 1024,
  },
  'opening-time': {
    claim: 'opening after an orderly end takes, with a hundred times the messages, at most 2 x as long',
    unit: 'times',
    valueMax: 2,
  },
  'timer-error': {
    claim: 'of many delayed messages at once 99 % arrive at most 50 ms late, and none early',
    unit: 'ms',
    valueMax: 50,
  },
  'zstd-share': {
    claim: 'zstd stores batches of JSON-like messages in at most 40 % of their bytes',
    unit: 'share',
    valueMax: 0.4,
  },
} as const satisfies Readonly<Record<string, FigureBar>>;

export type FigureName = keyof typeof FIGURE_BARS;

export const WAITERS_BAR: WaitersBar = {
  name: 'waiters',
  claim: 'long polls use bounded memory and give it back',
  bytesPerWaiterMax: 32 * 1024,
  givenBackShareMin: 0.9,
};
