/** Long: every promise about restarts, kept by a real process on a real disk that is killed with -9. */
import { conformance } from './conformance.ts';
import { ALL_TESTS } from './subjects.ts';
import { onKilledProcesses } from './testing/killed-target.ts';

/** A process takes its time to start, and some tests start it often. */
const TEST_MS_MAX = 60_000;

for (const stage of [4, 5] as const) {
  const { createBroker, restartBroker } = onKilledProcesses(stage);
  for (const { name, needs = [] } of ALL_TESTS) {
    if (!needs.includes('restart') || needs.includes('virtual-clock')) continue;
    conformance(`${stage}, killed with -9`, createBroker, {
      clock: 'real',
      stage,
      isConfigurable: false,
      restartBroker,
      only: name,
      testMsMax: TEST_MS_MAX,
    });
  }
}
