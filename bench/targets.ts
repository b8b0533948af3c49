/** What a bench is asked to measure: `1`, `2`, `3` or the url of a server. The bench names concrete brokers only here. */
import type { Broker } from '../shared/contract/broker.ts';
import { MqError } from '../shared/contract/errors.ts';
import { createBroker as createStage1 } from '../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../stages/2-ring-buffer/index.ts';
import { createClient, createBroker as createStage3 } from '../stages/3-http-server/index.ts';

export interface Targets {
  /** Ascending, each once. */
  readonly stages: readonly StageNumber[];
  readonly urls: readonly string[];
}

/** A broker of each stage, over a wire where the stage is one. */
const STAGES = {
  1: () => createStage1(),
  2: () => createStage2(),
  3: () => createStage3(),
} as const;

export type StageNumber = keyof typeof STAGES;

export const ALL_TARGETS: readonly string[] = Object.keys(STAGES);

/** `MQ_INVALID_ARGUMENT` for what is neither a stage we have nor an http url. */
export function parseTargets(texts: readonly string[]): Targets {
  const stages = new Set<StageNumber>();
  const urls = new Set<string>();
  for (const text of texts.length === 0 ? ALL_TARGETS : texts) {
    if (isStage(text)) stages.add(Number(text) as StageNumber);
    else if (/^https?:\/\//.test(text) && URL.canParse(text)) urls.add(new URL(text).origin);
    else {
      const known = ALL_TARGETS.join(', ');
      throw new MqError('MQ_INVALID_ARGUMENT', `a target is a stage (${known}) or the url of a server, not "${text}"`);
    }
  }
  return { stages: [...stages].sort((a, b) => a - b), urls: [...urls] };
}

function isStage(text: string): boolean {
  return Object.hasOwn(STAGES, text);
}

export function createStage(stage: StageNumber): Promise<Broker> {
  return STAGES[stage]();
}

/** A broker at `url`, over the wire. */
export function createRemote(url: string): Promise<Broker> {
  return createClient(url);
}
