/**
 * The ring as lines of text, drawn from `inspect`: slots in their order, the write pointer, and where each group stands.
 *
 *     slot        0     1     2     3
 *     offset   [  4 ][  5 ][    ][  3 ]
 *     state       r     i     .     a
 *                             ^ the next message
 *
 * Always true: it draws only what the view says. Used by the story; pure.
 */
import type { CellState, RingView } from '../../shared/contract/inside.ts';

const LETTERS: Record<CellState, string> = { free: '.', ready: 'r', 'in-flight': 'i', acked: 'a', overwritten: 'x' };
/** Columns before the first slot. */
const MARGIN = 8;

export function drawRing(view: RingView): string[] {
  const slots = Array.from({ length: view.slotCount }, (_, slot) => slot);
  const cellOf = (slot: number): RingView['cells'][number] | undefined =>
    view.cells.find((cell) => cell.slot === slot && cell.state !== 'overwritten');
  const row = (name: string, textOf: (slot: number) => string): string =>
    `${name.padEnd(MARGIN)}${slots.map((slot) => ` ${textOf(slot).padStart(3)}  `).join('')}`.trimEnd();
  return [
    row('slot', String),
    `${'offset'.padEnd(MARGIN)}${slots.map((slot) => `[${String(cellOf(slot)?.offset ?? '').padStart(3)} ]`).join('')}`,
    row('state', (slot) => LETTERS[cellOf(slot)?.state ?? 'free']),
    row('', (slot) => (slot === view.writeSlot ? '^' : '')),
    ...view.groups.map(
      ({ group, committedOffset, nextOffset, lag }) =>
        `${group}: committedOffset ${committedOffset}, nextOffset ${nextOffset}, lag ${lag}`,
    ),
  ];
}
