/**
 * The scenario of selectors alone, for whoever works on them: `node bench/selectors.ts`. `npm run bench -- 5` has it in its
 * table, beside its bar.
 */
import process from 'node:process';
import { selectorScenario } from './in-process/selector-scenario.ts';
import { FULL_PLAN } from './plan.ts';
import { race } from './race.ts';
import { reportScenario } from './report.ts';
import { formatRate, formatRatio } from './text-table.ts';

const scenario = selectorScenario(FULL_PLAN.passMs);
const { rows } = reportScenario(scenario, await race(scenario, { roundsCount: FULL_PLAN.roundsCount }));
for (const { contestant, messagesPerSecond, ratioToFloor } of rows) {
  const rate = formatRate(messagesPerSecond.median).padStart(12);
  const ratio = ratioToFloor === null ? '' : `   ${formatRatio(ratioToFloor)} x floor`;
  process.stdout.write(`${contestant.padEnd(28)} ${rate} a second${ratio}\n`);
}
