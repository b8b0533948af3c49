/**
 * The matrix of quality of service: for every way to use a broker and everything that may fail, how often a message is
 * worked on. Not argued but enumerated: each fault at its first moment, its second, ... until a journey ends before it.
 */
import { keepsAll, keepsNothing, seededFate } from '../../power-cut.ts';
import { SeededRandom } from '../../random.ts';
import type { Fate } from '../../simulated-nodes.ts';
import type { CreateOnDisk } from '../simulated-target.ts';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { type Journey, travel } from './journey.ts';
import { USAGES, type Usage } from './usages.ts';

/** Power cuts that leave something of what was not synced, each its own. */
const SEEDS = [1, 2, 3];

/** How often a message was worked on, over all journeys with one kind of fault. */
export interface Cell {
  readonly min: number;
  readonly max: number;
  readonly journeyCount: number;
}

export interface Row {
  readonly usage: Usage;
  readonly withoutFault: Cell;
  readonly cells: ReadonlyMap<FaultKind, Cell>;
  /** True when no journey had a count that was not wanted. */
  readonly isGiven: boolean;
}

/** Tries everything out on brokers that `create` makes. */
export async function enumerate(create: CreateOnDisk, usages: readonly Usage[] = USAGES): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const usage of usages) {
    const withoutFault = cellOf([await travel(create, usage, null)]);
    const cells = new Map<FaultKind, Cell>();
    for (const kind of FAULT_KINDS) cells.set(kind, cellOf(await everyMoment(create, usage, kind)));
    const { min, max } = usage.wanted;
    const isGiven = [withoutFault, ...cells.values()].every((cell) => cell.min >= min && cell.max <= max);
    rows.push({ usage, withoutFault, cells, isGiven });
  }
  return rows;
}

async function everyMoment(create: CreateOnDisk, usage: Usage, kind: FaultKind): Promise<Journey[]> {
  const journeys: Journey[] = [];
  for (const fate of kind === 'power' ? fates() : [keepsNothing]) {
    for (let at = 1; ; at += 1) {
      const journey = await travel(create, usage, { kind, at, fate });
      if (!journey.wasHit) break;
      journeys.push(journey);
    }
  }
  return journeys;
}

function fates(): Fate[] {
  return [keepsNothing, keepsAll, ...SEEDS.map((seed) => seededFate(new SeededRandom(seed)))];
}

function cellOf(journeys: readonly Journey[]): Cell {
  const counts = journeys.flatMap(({ workCounts }) => workCounts);
  return { min: Math.min(...counts), max: Math.max(...counts), journeyCount: journeys.length };
}

/** The matrix as a table of a page; `who` gives it. */
export function tableOf(rows: readonly Row[], who: string): string {
  const lines = rows.map(({ usage, withoutFault, cells, isGiven }) =>
    [
      `**${usage.name}**`,
      usage.producer,
      usage.consumer,
      ...[withoutFault, ...FAULT_KINDS.map((kind) => cells.get(kind))].map(timesOf),
      isGiven ? 'given' : 'not given',
    ].join(' | '),
  );
  const head = ['wanted', 'the producer', 'the consumer', 'nothing fails', ...FAULT_TITLES, who].join(' | ');
  const rule = Array.from({ length: 5 + FAULT_TITLES.length }, () => '---').join('|');
  return [`| ${head} |`, `|${rule}|`, ...lines.map((line) => `| ${line} |`)].join('\n');
}

const FAULT_TITLES = ['producer crashes', 'consumer crashes', 'an answer is lost', 'power fails'];

function timesOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return cell.min === cell.max ? String(cell.min) : `${cell.min} to ${cell.max}`;
}
