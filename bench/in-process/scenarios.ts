/** Which scenarios of the in-process table a set of targets asks for. */
import type { Scenario } from '../race.ts';
import { createRemote, createStage, type Targets } from '../targets.ts';
import { type BrokerContestant, brokerScenario } from './broker-scenario.ts';
import { queueScenarios } from './queue-scenarios.ts';
import { robustScenarios } from './robust-scenarios.ts';
import { selectorScenario } from './selector-scenario.ts';
import { wireScenario } from './wire-scenario.ts';

export function inProcessScenarios(targets: Targets, passMs: number): Scenario[] {
  const stages: BrokerContestant[] = targets.stages.map((stage) => ({
    name: `stage ${stage}`,
    sendsTogether: stage >= 3,
    create: () => createStage(stage),
  }));
  const urls = [...targets.urls, ...targets.tcpUrls];
  const remotes = urls.map((url) => ({ name: url, sendsTogether: true, create: () => createRemote(url) }));
  const queues = targets.stages.includes(1) ? queueScenarios(passMs) : [];
  const robust = targets.stages.includes(5)
    ? [...robustScenarios(passMs), selectorScenario(passMs), wireScenario(passMs)]
    : [];
  return [...queues, brokerScenario([...stages, ...remotes], passMs), ...robust];
}
