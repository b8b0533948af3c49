/** Long: every promise about restarts, kept by a real process on a real disk that is killed with -9. */
import { conformance } from './conformance.ts';
import { ALL_TESTS } from './subjects.ts';
import { onKilledProcesses } from './testing/killed-target.ts';

const { createBroker, restartBroker } = onKilledProcesses();

for (const { name, needs = [] } of ALL_TESTS) {
  if (!needs.includes('restart') || needs.includes('virtual-clock')) continue;
  conformance('4, killed with -9', createBroker, {
    clock: 'real',
    stage: 4,
    isConfigurable: false,
    restartBroker,
    only: name,
  });
}
