/** Which scenarios of the in-process table a set of targets asks for. */
import type { Scenario } from '../race.ts';
import { createStage, type Targets } from '../targets.ts';
import { type BrokerContestant, brokerScenario } from './broker-scenario.ts';
import { queueScenarios } from './queue-scenarios.ts';

export function inProcessScenarios(targets: Targets, passMs: number): Scenario[] {
  const brokers: BrokerContestant[] = targets.stages.map((stage) => ({
    name: `stage ${stage}`,
    isOverWire: stage === 3,
    create: () => createStage(stage),
  }));
  const queues = targets.stages.includes(1) ? queueScenarios(passMs) : [];
  return brokers.length === 0 ? queues : [...queues, brokerScenario(brokers, passMs)];
}
