/**
 * Writes docs/guarantees.md: every test name of the suite, as the list of what StageMQ promises and since which stage.
 *
 *     npx node shared/conformance/guarantees.ts
 *
 * Always true: the page says what the tests say, because it is made of their names; a test of its own compares the
 * two. Run by hand after a test was added or renamed.
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { CAPABILITIES } from '../contract/capabilities.ts';
import type { ConformanceTest, Subject } from './conformance-test.ts';
import { SUBJECTS } from './subjects.ts';

export const GUARANTEES_URL = new URL('../../docs/guarantees.md', import.meta.url);

const INTRODUCTION = `# What a broker promises

This page is written by \`npx node shared/conformance/guarantees.ts\` from the tests of the conformance suite; do not edit it.
Each sentence is the name of one test. *(stage N)* is the first stage that has the capability the sentence needs; on an
earlier stage \`mq test\` answers *not yet (stage N)*. Stage 5 is still to come, and so are its promises.
`;

/** The page for `subjects`. */
export function guaranteesPage(subjects: readonly Subject[]): string {
  const count = subjects.reduce((sum, subject) => sum + subject.tests.length, 0);
  const sections = subjects.map(({ title, tests }) => `## ${title}\n\n${tests.map(sentence).join('\n')}\n`);
  return `${INTRODUCTION}\n${count} promises.\n\n${sections.join('\n')}`;
}

/** The first stage on which a test can pass. */
export function firstStageOf({ capability, uses = [] }: ConformanceTest): number {
  return Math.max(...[capability, ...uses].map((name) => CAPABILITIES[name]));
}

function sentence(test: ConformanceTest): string {
  const name = test.name.replaceAll('$', '\\$').replaceAll('<', '\\<');
  return `- ${name} *(stage ${firstStageOf(test)})*`;
}

if (process.argv[1] === import.meta.filename) writeFileSync(GUARANTEES_URL, guaranteesPage(SUBJECTS));
