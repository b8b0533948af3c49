/**
 * The bars: what StageMQ wants to reach, as data, in one place. The bench measures and says whether each is met; it
 * never fails because of one, and no test asserts a time, for a busy machine is not a defect.
 *
 * Always true: subject and reference are contestants of the same scenario, so their ratio is taken round by round.
 */

/**
 * The subject does at least `ratioMin` times the messages per second of the reference; for a server that waited for its
 * load, as many per second of CPU time.
 */
export interface RatioBar {
  readonly name: string;
  readonly claim: string;
  readonly scenario: string;
  readonly subject: string;
  readonly reference: string;
  readonly ratioMin: number;
}

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
];

export const WAITERS_BAR: WaitersBar = {
  name: 'waiters',
  claim: 'long polls use bounded memory and give it back',
  bytesPerWaiterMax: 32 * 1024,
  givenBackShareMin: 0.9,
};
