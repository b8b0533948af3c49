/**
 * Stages 2 and 3 as a picture: the slots of the ring with the write pointer above and the pointers of the groups below.
 *
 *      0    1   ▼2    3         slot numbers, the write pointer
 *     24A  25F  ·    23A        offset and state of each cell
 *     △1   ▲1                   group 1: everything below △ is finished, ▲ is handed out next
 *
 * A pure function of the broker's own view.
 */
import type { CellView, GroupPointerView, RingView, WaiterView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { cellSpan, legendLine } from './cells.ts';
import { say, translate } from './messages.ts';
import { pointerSpans } from './pointers.ts';
import { fit, type Line, type Span, span, type Tone } from './text.ts';

const CELL_WIDTH_MIN = 6;
const CELLS_PER_ROW = 12;

interface RingPicture {
  readonly language: Language;
  readonly width: number;
  readonly isTall: boolean;
}

export function ringTitle(view: RingView, language: Language): string {
  const { topic, slotCount, logStartOffset, logEndOffset } = view;
  const isEmpty = logStartOffset === logEndOffset;
  const range = isEmpty ? say(language, 'ring.empty') : `#${logStartOffset}..#${logEndOffset - 1}`;
  const waiting = [
    view.waitingSendsCount > 0 ? translate(language, 'ring.sendsWait', { count: view.waitingSendsCount }) : '',
    view.waitingFetchesCount > 0 ? translate(language, 'ring.fetchesWait', { count: view.waitingFetchesCount }) : '',
  ];
  return [translate(language, 'ring.title', { topic, slots: slotCount, range }), ...waiting]
    .filter(Boolean)
    .join(' · ');
}

export function ringLines(view: RingView, picture: RingPicture): Line[] {
  const cellsPerRow = picture.width >= CELL_WIDTH_MIN * view.slotCount ? view.slotCount : CELLS_PER_ROW;
  const cellWidth = Math.max(Math.floor(picture.width / cellsPerRow), CELL_WIDTH_MIN);
  const margin = span(' '.repeat(Math.max(Math.floor((picture.width - cellsPerRow * cellWidth) / 2), 0)));
  const indented = (spans: readonly Span[]): Line => [margin, ...spans];
  const cells = cellsBySlot(view);
  const lines: Line[] = [];
  for (let first = 0; first < view.slotCount; first += cellsPerRow) {
    const slots = Array.from({ length: Math.min(cellsPerRow, view.slotCount - first) }, (_, index) => first + index);
    lines.push(
      indented(slots.flatMap((slot) => slotNumber(slot, { view, cellWidth }))),
      indented(
        slots.flatMap((slot) => [
          cellSpan(cells.get(slot) ?? { offset: null, state: 'free' }, cellWidth - 1),
          span(' '),
        ]),
      ),
      ...(picture.isTall ? [indented(slots.map((slot) => detail(cells.get(slot), { view, cellWidth })))] : []),
      indented(slots.flatMap((slot) => pointers(slot, { view, cellWidth }))),
    );
  }
  if (picture.isTall) lines.push(waitersLine(view, picture.language));
  return [...lines, legend(picture.language)];
}

/** What is in each slot: of two cells that name the same one, the younger. */
function cellsBySlot(view: RingView): ReadonlyMap<number, CellView> {
  const cells = new Map<number, CellView>();
  for (const cell of view.cells) {
    const other = cells.get(cell.slot);
    if (other === undefined || (cell.offset ?? -1) > (other.offset ?? -1)) cells.set(cell.slot, cell);
  }
  return cells;
}

interface RingCells {
  readonly view: RingView;
  readonly cellWidth: number;
}

/** The number of a slot; or the write pointer; or, above the record that overwrote it, the one that was lost. */
function slotNumber(slot: number, { view, cellWidth }: RingCells): Span[] {
  const lost = overwrittenAt(slot, view);
  if (slot === view.writeSlot) return [span(fit(`▼${slot}`, cellWidth, 'center'), 'key')];
  if (lost === undefined) return [span(fit(String(slot), cellWidth, 'center'), 'dim')];
  return [cellSpan({ offset: lost, state: 'overwritten' }, cellWidth - 1), span(' ')];
}

/** The record this slot held before, when it was overwritten before a group had finished it. */
function overwrittenAt(slot: number, view: RingView): number | undefined {
  const cells = view.cells.filter((cell) => cell.slot === slot);
  const held = cells.find(({ state }) => state !== 'overwritten')?.offset;
  const lost = cells.findLast(({ state }) => state === 'overwritten')?.offset;
  if (lost === undefined || lost === null || held === undefined || held === null) return undefined;
  return lost === held - view.slotCount ? lost : undefined;
}

/** Who works on it and for how long, else what it says. */
function detail(cell: CellView | undefined, { view, cellWidth }: RingCells): Span {
  const lease = view.groups.flatMap(({ inFlight }) => inFlight).find(({ offset }) => offset === cell?.offset);
  const text =
    lease === undefined ? (cell?.preview ?? '') : `${lease.memberId} ${(lease.leaseLeftMs / 1000).toFixed(0)}s`;
  return span(`${fit(text, cellWidth - 1, 'center')} `, lease === undefined ? 'dim' : 'warn');
}

function pointers(slot: number, { view, cellWidth }: RingCells): Line {
  const at = (offsetOf: (group: GroupPointerView) => number): number[] =>
    view.groups.flatMap((group, index) => (offsetOf(group) % view.slotCount === slot ? [index] : []));
  const groups = { next: at(({ nextOffset }) => nextOffset), committed: at(({ committedOffset }) => committedOffset) };
  return pointerSpans(groups, cellWidth);
}

/** The calls that wait at the ring, by name. */
function waitersLine(view: RingView, language: Language): Line {
  const names = (waiters: readonly WaiterView[]): string => waiters.map(({ who }) => who).join(' ');
  const receives = view.groups.flatMap(({ waitingReceives }) => waitingReceives);
  const receivesCount = view.groups.reduce((sum, { waitingReceivesCount }) => sum + waitingReceivesCount, 0);
  return [
    span(` ${translate(language, 'ring.sendsWait', { count: view.waitingSendsCount })}`, tone(view.waitingSendsCount)),
    span(` ${names(view.waitingSends)}  `),
    span(translate(language, 'ring.receivesWait', { count: receivesCount }), 'dim'),
    span(` ${names(receives)}  `),
    span(translate(language, 'ring.fetchesWait', { count: view.waitingFetchesCount }), 'dim'),
    span(` ${names(view.waitingFetches)}`),
  ];
}

function tone(waitingCount: number): Tone {
  return waitingCount > 0 ? 'warn' : 'dim';
}

function legend(language: Language): Line {
  return [
    ...legendLine(language, ['ready', 'in-flight', 'acked', 'overwritten', 'free']),
    span(' ▼', 'key'),
    span(` ${say(language, 'mark.write')}`, 'dim'),
    span(' ▲', 'strong'),
    span(` ${say(language, 'mark.next')}`, 'dim'),
    span(' △', 'strong'),
    span(` ${say(language, 'mark.committed')}`, 'dim'),
  ];
}
