/** Which scenarios of the in-process table a set of targets asks for. */
import type { Scenario } from '../race.ts';
import { createRemote, createStage, type Targets } from '../targets.ts';
import { type BrokerContestant, brokerScenario } from './broker-scenario.ts';
import { queueScenarios } from './queue-scenarios.ts';

export function inProcessScenarios(targets: Targets, passMs: number): Scenario[] {
  const stages: BrokerContestant[] = targets.stages.map((stage) => ({
    name: `stage ${stage}`,
    isOverWire: stage === 3,
    create: () => createStage(stage),
  }));
  const remotes = targets.urls.map((url) => ({ name: url, isOverWire: true, create: () => createRemote(url) }));
  const queues = targets.stages.includes(1) ? queueScenarios(passMs) : [];
  return [...queues, brokerScenario([...stages, ...remotes], passMs)];
}
