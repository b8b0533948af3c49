/**
 * The journey of two messages from a producer's list to a consumer's work, with at most one fault on the way.
 *
 *     producer's notes --> send --> [ orders ] --> receive --> work          work: a list outside the broker,
 *                                                       \----> [ bills ]     or a topic, by a transaction
 */
import type { CreateOnDisk } from '../simulated-target.ts';
import { consume } from './consuming.ts';
import { type Fault, OneFault } from './faults.ts';
import { answerQuestions, produce } from './producing.ts';
import { Road } from './road.ts';
import type { Usage } from './usages.ts';
import { untilDone } from './world.ts';

const BODIES = ['first', 'second'];

export interface Journey {
  /** How often each message was worked on. */
  readonly workCounts: readonly number[];
  /** False: the journey ended before the moment of its fault. */
  readonly wasHit: boolean;
}

/** Runs to the end: the producer has noted all, and nothing is left for the consumer. */
export async function travel(create: CreateOnDisk, usage: Usage, fault: Fault | null): Promise<Journey> {
  const faults = new OneFault(fault);
  const road = new Road(create, { faults, bodies: BODIES, usage });
  await road.prepare();
  const lives = [untilDone(() => produce(road)), untilDone(() => consume(road))];
  if (usage.sending === 'half') lives.push(untilDone(() => answerQuestions(road)));
  await Promise.all(lives);
  const works = await road.works();
  await road.world.close();
  const workCounts = BODIES.map((body) => works.filter((work) => work === body).length);
  return { workCounts, wasHit: faults.wasHit };
}
