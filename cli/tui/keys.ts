/**
 * What each key does: one table, from which the keyboard is read, the footer drawn and the help page written, so the
 * three cannot disagree.
 */
import type { Key } from 'ink';
import type { MessageKey } from './messages.ts';

export type Command =
  | 'send'
  | 'type'
  | 'burst'
  | 'faster'
  | 'slower'
  | 'addProducer'
  | 'removeProducer'
  | 'previousProducer'
  | 'nextProducer'
  | 'add'
  | 'addGroup'
  | 'addReader'
  | 'remove'
  | 'pause'
  | 'slow'
  | 'crash'
  | 'previousReader'
  | 'nextReader'
  | 'freeze'
  | 'step'
  | 'second'
  | 'overflow'
  | 'curl'
  | 'stage1'
  | 'stage2'
  | 'stage3'
  | 'stage4'
  | 'stage5'
  | 'delay'
  | 'urgent'
  | 'fail'
  | 'reject'
  | 'redrive'
  | 'kill'
  | 'flush'
  | 'transaction'
  | 'abort'
  | 'ackTogether'
  | 'crashProducer'
  | 'half'
  | 'commitHalf'
  | 'abortHalf'
  | 'repeat'
  | 'isolation'
  | 'filter'
  | 'doors'
  | 'picker'
  | 'language'
  | 'help'
  | 'quit';

/** Names of texts without values, as the footer and the help page use them. */
type Label = Extract<MessageKey, `key.${string}`>;
type Explanation = `help.${Label extends `key.${infer Name}` ? Name : never}`;

export interface Binding {
  /** As people read it. */
  readonly shown: string;
  /** Input -> command. */
  readonly keys: Readonly<Record<string, Command>>;
  readonly label: Label;
  readonly explanation: Explanation;
  readonly rank: Rank;
  /** Where a stage has others that matter more there. */
  readonly rankAt?: Readonly<Record<number, Rank>>;
  /** Only where the stage has it. */
  readonly stages?: readonly number[];
}

/** 1: in every footer; 2: in a footer with room; 3: only on the help page. */
type Rank = 1 | 2 | 3;

/** Arrows and such have no character; they are looked up by these names. */
type NamedKey = 'up' | 'down' | 'left' | 'right' | 'escape' | 'space';

function binding(
  shown: string,
  keys: Readonly<Record<string, Command>>,
  name: Label extends `key.${infer Name}` ? Name : never,
  options: Pick<Binding, 'rank' | 'rankAt' | 'stages'>,
): Binding {
  return { shown, keys, label: `key.${name}`, explanation: `help.${name}`, ...options };
}

export const BINDINGS: readonly Binding[] = [
  binding('s', { s: 'send' }, 'send', { rank: 1 }),
  binding('b', { b: 'burst' }, 'burst', { rank: 1, rankAt: { 5: 2 } }),
  binding('+ -', { '+': 'faster', '=': 'faster', '-': 'slower', _: 'slower' }, 'rate', { rank: 1, rankAt: { 5: 2 } }),
  binding('m', { m: 'type' }, 'type', { rank: 2, rankAt: { 5: 3 } }),
  binding('n', { n: 'addProducer' }, 'addProducer', { rank: 2, rankAt: { 5: 3 } }),
  binding('N', { N: 'removeProducer' }, 'removeProducer', { rank: 3 }),
  binding('← →', { left: 'previousProducer', right: 'nextProducer' }, 'selectProducer', { rank: 3 }),
  binding('c', { c: 'crash' }, 'crash', { rank: 1 }),
  binding('p', { p: 'pause' }, 'pause', { rank: 2, rankAt: { 5: 3 } }),
  binding('w', { w: 'slow' }, 'slow', { rank: 1, rankAt: { 4: 2, 5: 3 } }),
  binding('a', { a: 'add' }, 'add', { rank: 2 }),
  binding('g', { g: 'addGroup' }, 'addGroup', { rank: 2, stages: [2, 3, 4, 5] }),
  binding('r', { r: 'addReader' }, 'addReader', { rank: 2, stages: [2, 3, 4, 5] }),
  binding('x', { x: 'remove' }, 'remove', { rank: 2 }),
  binding('↑ ↓', { up: 'previousReader', down: 'nextReader' }, 'selectReader', { rank: 3 }),
  binding('u', { u: 'curl' }, 'curl', { rank: 1, stages: [3] }),
  binding('t', { t: 'transaction' }, 'transaction', { rank: 1, stages: [5] }),
  binding('T', { T: 'abort' }, 'abort', { rank: 1, stages: [5] }),
  binding('A', { A: 'ackTogether' }, 'ackTogether', { rank: 2, stages: [5] }),
  binding('y', { y: 'half' }, 'half', { rank: 1, stages: [5] }),
  binding('Y U', { Y: 'commitHalf', U: 'abortHalf' }, 'decideHalf', { rank: 2, stages: [5] }),
  binding('C', { C: 'crashProducer' }, 'crashProducer', { rank: 1, stages: [5] }),
  binding('k', { k: 'kill' }, 'kill', { rank: 1, stages: [4, 5] }),
  binding('D', { D: 'repeat' }, 'repeat', { rank: 2, stages: [5] }),
  binding('R', { R: 'isolation' }, 'isolation', { rank: 2, stages: [5] }),
  binding('F', { F: 'filter' }, 'filter', { rank: 2, stages: [5] }),
  binding('P', { P: 'doors' }, 'doors', { rank: 2, stages: [5] }),
  binding('d', { d: 'delay' }, 'delay', { rank: 1, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('i', { i: 'urgent' }, 'urgent', { rank: 2, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('e', { e: 'fail' }, 'fail', { rank: 1, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('j', { j: 'reject' }, 'reject', { rank: 1, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('v', { v: 'redrive' }, 'redrive', { rank: 2, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('f', { f: 'flush' }, 'flush', { rank: 2, stages: [4, 5], rankAt: { 5: 3 } }),
  binding('space', { space: 'freeze' }, 'freeze', { rank: 1, stages: [1, 2, 3] }),
  binding('space', { space: 'freeze' }, 'freezeHere', { rank: 1, stages: [4, 5] }),
  binding('.', { '.': 'step' }, 'step', { rank: 1, stages: [1, 2, 3] }),
  binding('>', { '>': 'second' }, 'second', { rank: 2, stages: [1, 2, 3] }),
  binding('o', { o: 'overflow' }, 'overflow', { rank: 2, rankAt: { 5: 3 } }),
  binding('1 - 5', { 1: 'stage1', 2: 'stage2', 3: 'stage3', 4: 'stage4', 5: 'stage5' }, 'stage', { rank: 3 }),
  binding('Esc', { escape: 'picker' }, 'picker', { rank: 3 }),
  binding('l', { l: 'language' }, 'language', { rank: 2 }),
  binding('?', { '?': 'help', h: 'help' }, 'help', { rank: 1 }),
  binding('q', { q: 'quit' }, 'quit', { rank: 1 }),
];

const COMMANDS: ReadonlyMap<string, Command> = new Map(BINDINGS.flatMap(({ keys }) => Object.entries(keys)));

/** What a key press on the stage page asks for. */
export function commandOf(input: string, key: Key): Command | undefined {
  if (key.ctrl || key.meta) return undefined;
  return COMMANDS.get(namedKey(input, key) ?? input);
}

function namedKey(input: string, key: Key): NamedKey | undefined {
  if (key.upArrow) return 'up';
  if (key.downArrow) return 'down';
  if (key.leftArrow) return 'left';
  if (key.rightArrow) return 'right';
  if (key.escape) return 'escape';
  return input === ' ' ? 'space' : undefined;
}

/** The bindings a stage has, those of at most `rank`. */
export function bindingsOf(stage: number, rank: Rank): readonly Binding[] {
  return BINDINGS.filter(
    (entry) => (entry.rankAt?.[stage] ?? entry.rank) <= rank && (entry.stages?.includes(stage) ?? true),
  );
}
