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
import { createBroker } from '../../stages/4-persisted-log/index.ts';
import { CAPABILITIES } from '../contract/capabilities.ts';
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { enumerate, type Row, tableOf } from './qos/matrix.ts';
import { SUBJECTS } from './subjects.ts';

export const GUARANTEES_URL = new URL('../../docs/guarantees.md', import.meta.url);

const INTRODUCTION = `# What a broker promises

This page is written by \`npx node shared/conformance/guarantees.ts\` from the tests of the conformance suite; do not edit it.
Each sentence is the name of one test. *(stage N)* is the first stage that has the capability the sentence needs; on an
earlier stage \`mq test\` answers *not yet (stage N)*. Stage 5 is still to come, and so are its promises.
`;

const QUALITY_OF_SERVICE = `## How often a message is worked on

What a broker gives depends on how it is used: who notes, repeats and acknowledges when. Each number below is how often
one message was worked on, over all journeys of two messages from a producer's list to a consumer's work through stage 4
(\`flushPolicy: 'always'\`), one for each moment at which this one thing can go wrong:

- *crashes*: the client is gone before a call, while it is under way, or after its answer, and starts again knowing nothing
- *an answer is lost*: the call took effect, and its caller never hears of it
- *power fails*: before each single write, sync and rename of the broker; of what was not synced nothing is left, or all of
  it, or a part chosen by chance with a fixed seed
`;

const NOT_GIVEN = `Exactly once is not given by any broker that cannot know a message again: the lost answer to a send looks to the
producer like a lost send. What stage 4 gives is at least once, and a consumer that keeps the ids of its work together with
the work makes it once in effect. Knowing messages again, and acknowledging together with the work, comes with stage 5.
`;

/** The page for `subjects`, and for the matrix of quality of service. */
export function guaranteesPage(subjects: readonly Subject[], matrix: readonly Row[]): string {
  const count = subjects.reduce((sum, subject) => sum + subject.tests.length, 0);
  const sections = subjects.map(({ title, tests }) => `## ${title}\n\n${tests.map(sentence).join('\n')}\n`);
  const service = `${QUALITY_OF_SERVICE}\n${tableOf(matrix)}\n\n${NOT_GIVEN}`;
  return `${INTRODUCTION}\n${count} promises.\n\n${[...sections, service].join('\n')}`;
}

/** The matrix of the latest stage that keeps messages. */
export function matrixOfStage4(): Promise<readonly Row[]> {
  return enumerate(({ disk, ...options }) => createBroker({ ...options, disk, dataFolder: '/data' }));
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
  writeFileSync(GUARANTEES_URL, guaranteesPage(SUBJECTS, await matrixOfStage4()));
}
