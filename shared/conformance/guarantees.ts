/**
 * Writes docs/guarantees.md: every test name of the suite, as the list of what StageMQ promises and since which stage; and
 * how often a message is worked on when something fails, as found out by letting it fail at every step.
 *
 *     npx node shared/conformance/guarantees.ts
 *
 * Always true: the page says what the tests say, because it is made of their names; a test of its own compares the
 * two. Run by hand after a test was added or renamed.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { createBroker as createPersistedLog } from '../../stages/4-persisted-log/index.ts';
import { createBroker as createRobustBroker } from '../../stages/5-robust-broker/index.ts';
import { CAPABILITIES } from '../contract/capabilities.ts';
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { enumerate, type Row, tableOf } from './qos/matrix.ts';
import { EXACT_USAGES } from './qos/usages.ts';
import { SUBJECTS } from './subjects.ts';

export const GUARANTEES_URL = new URL('../../docs/guarantees.md', import.meta.url);

const INTRODUCTION = `# What a broker promises

This page is written by \`npx node shared/conformance/guarantees.ts\` from the tests of the conformance suite; do not edit it.
Each sentence is the name of one test. *(stage N)* is the first stage that has the capability the sentence needs; on an
earlier stage \`mq test\` answers *not yet (stage N)*.
`;

const QUALITY_OF_SERVICE = `## How often a message is worked on

What a broker gives depends on how it is used: who notes, repeats and acknowledges when. Each number below is how often
one message was worked on, over all journeys of two messages from a producer's list to a consumer's work through a broker
(\`flushPolicy: 'always'\`), one for each moment at which this one thing can go wrong:

- *crashes*: the client is gone before a call, while it is under way, or after its answer, and starts again knowing nothing
- *an answer is lost*: the call took effect, and its caller never hears of it
- *power fails*: before each single write, sync and rename of the broker; of what was not synced nothing is left, or all of
  it, or a part chosen by chance with a fixed seed
`;

const NOT_GIVEN = `Exactly once is not given by any broker that cannot know a message again: the lost answer to a send looks to the
producer like a lost send. What stage 4 gives is at least once, and a consumer that keeps the ids of its work together with
the work makes it once in effect.
`;

const GIVEN = `Stage 5 knows a message again, by its number, by its id or as half a message, and acknowledges it together with what was
made of it. It takes both: each alone leaves the other half of the way at least once. Work outside the broker is beyond any
transaction of the broker: there the ids kept with the work, an inbox, are what makes it once in effect.
`;

/** What each stage gives, as found out. */
export interface Matrices {
  readonly stage4: readonly Row[];
  readonly stage5: readonly Row[];
}

/** The page for `subjects`, and for the matrices of quality of service. */
export function guaranteesPage(subjects: readonly Subject[], { stage4, stage5 }: Matrices): string {
  const count = subjects.reduce((sum, subject) => sum + subject.tests.length, 0);
  const sections = subjects.map(({ title, tests }) => `## ${title}\n\n${tests.map(sentence).join('\n')}\n`);
  const tables = `${tableOf(stage4, 'stage 4')}\n\n${NOT_GIVEN}\n${tableOf(stage5, 'stage 5')}\n\n${GIVEN}`;
  return `${INTRODUCTION}\n${count} promises.\n\n${[...sections, `${QUALITY_OF_SERVICE}\n${tables}`].join('\n')}`;
}

/** What the stages that keep messages give, tried out. */
export async function enumerateStages(): Promise<Matrices> {
  const dataFolder = '/data';
  return {
    stage4: await enumerate(({ disk, ...options }) => createPersistedLog({ ...options, disk, dataFolder })),
    stage5: await enumerate(
      ({ disk, ...options }) => createRobustBroker({ ...options, disk, dataFolder }),
      EXACT_USAGES,
    ),
  };
}

/** The first stage on which a test can pass. */
function firstStageOf({ capability, uses = [] }: ConformanceTest): number {
  return Math.max(...[capability, ...uses].map((name) => CAPABILITIES[name]));
}

function sentence(test: ConformanceTest): string {
  const name = test.name.replaceAll('$', '\\$').replaceAll('<', '\\<');
  return `- ${name} *(stage ${firstStageOf(test)})*`;
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync(GUARANTEES_URL, guaranteesPage(SUBJECTS, await enumerateStages()));
}
