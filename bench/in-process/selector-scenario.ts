/**
 * What a selector costs: five terms over the headers of a message, beside a bare `JSON.parse` of the same headers' bytes.
 *
 * Always true: both contestants go through the same messages, of which the selector matches about a third; what the
 * selector answers was checked against plain code before anything is timed.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { SeededRandom } from '../../shared/random.ts';
import { Selector } from '../../stages/5-robust-broker/filters/selector/selector.ts';
import type { Scenario } from '../race.ts';
import { type NumberedMessage, passContestant, type Racer, type Received } from './pass.ts';

const PASS_COUNT = 20_000;
/** Different headers, gone round. */
const VARIETY_COUNT = 1000;
const SEED = 1;
const REGIONS = ['eu', 'us', 'jp'] as const;
const SELECTOR =
  "region IN ('eu', 'jp') AND price > 20 AND count BETWEEN 2 AND 9 AND name LIKE 'order-%' AND (express OR note IS NULL)";

interface Sample {
  readonly record: { readonly id: string; readonly timestamp: number; readonly headers: Record<string, string> };
  /** The headers as JSON. */
  readonly bytes: Buffer;
  readonly isMatch: boolean;
}

export function selectorScenario(runMs: number): Scenario {
  const how = { passCount: PASS_COUNT, runMs };
  return {
    name: 'selectors',
    title: 'A selector of five terms',
    how: `One evaluation for each message; the floor is JSON.parse of its headers. ${SELECTOR}`,
    contestants: [
      passContestant({ name: 'JSON.parse of the headers', role: 'floor', start: parsing, ...how }),
      passContestant({ name: 'selector', role: 'stage', start: selecting, ...how }),
    ],
  };
}

async function parsing(received: Received): Promise<Racer> {
  const samples = samplesOf(new SeededRandom(SEED));
  let memberCount = 0;
  const parse = ({ bytes }: Sample): void => {
    const headers = JSON.parse(bytes.toString()) as Record<string, string>;
    if (headers.region !== undefined) memberCount += 1; // so that nothing is left out as useless
  };
  return overAll({ samples, received, work: parse, check: (count) => assert.equal(memberCount, count) });
}

async function selecting(received: Received): Promise<Racer> {
  const samples = samplesOf(new SeededRandom(SEED));
  const selector = new Selector(SELECTOR);
  for (const { record, isMatch } of samples) assert.equal(selector.matches(record, 1), isMatch);
  let matchCount = 0;
  const select = ({ record }: Sample): void => {
    if (selector.matches(record, 1)) matchCount += 1;
  };
  return overAll({ samples, received, work: select, check: (count) => assert.ok(count === 0 || matchCount > 0) });
}

function overAll(how: {
  readonly samples: readonly Sample[];
  readonly received: Received;
  readonly work: (sample: Sample) => void;
  readonly check: (count: number) => void;
}): Racer {
  const { samples, received, work, check } = how;
  let count = 0;
  return {
    async pass(messages: readonly NumberedMessage[]) {
      for (const { body } of messages) {
        work(samples[count % samples.length] as Sample);
        count += 1;
        received(body);
      }
    },
    async close() {
      check(count);
    },
  };
}

function samplesOf(random: SeededRandom): Sample[] {
  return Array.from({ length: VARIETY_COUNT }, (_, index) => {
    const region = REGIONS[random.below(REGIONS.length)] ?? 'eu';
    const [price, count] = [random.below(10_000) / 100, random.below(12)];
    const isExpress = random.below(2) === 0;
    const hasNote = random.below(2) === 0;
    const headers: Record<string, string> = {
      ...{ region, price: String(price), count: String(count), name: `order-${index}`, express: String(isExpress) },
      ...(hasNote ? { note: 'ring twice' } : {}),
      $types: 'price=double&count=int&express=boolean',
    };
    const isMatch = region !== 'us' && price > 20 && count >= 2 && count <= 9 && (isExpress || !hasNote);
    const record = { id: `m-${index}`, timestamp: 0, headers: Object.assign(Object.create(null), headers) };
    return { record, bytes: Buffer.from(JSON.stringify(headers)), isMatch };
  });
}
