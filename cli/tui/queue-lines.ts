/**
 * Stage 1 as a picture: the places of the queue between the two lines of waiters. The youngest message is on the left,
 * where senders put, the oldest on the right, where receivers take.
 *
 *     sends that wait for a place (2): p1-9 p1-10
 *             ┌────┬────┬────┬────┬────┐
 *     put ─▶  │ ·  │ ·  │15R │14R │13R │ ─▶ take
 *             └────┴────┴────┴────┴────┘
 *     receives that wait for a message (0): nobody
 *
 * A pure function of the broker's own view.
 */
import type { QueueView, WaiterView } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { cellSpan, legendLine } from './cells.ts';
import { say, translate } from './messages.ts';
import { durationText } from './numbers.ts';
import { EMPTY_LINE, fit, type Line, type Span, span, widthOf } from './text.ts';

interface QueuePicture {
  readonly language: Language;
  readonly width: number;
  readonly isTall: boolean;
}

export function queueTitle(view: QueueView, language: Language): string {
  const { topic, size, capacity } = view;
  return translate(language, 'queue.title', { topic, size, capacity });
}

export function queueLines(view: QueueView, picture: QueuePicture): Line[] {
  const { language } = picture;
  const cells = placesLines(view, picture);
  const gap = picture.isTall ? [EMPTY_LINE] : [];
  return [
    waitersLine(say(language, 'queue.sends'), { shown: view.waitingSends, count: view.waitingSendsCount }, picture),
    ...gap,
    ...cells,
    ...gap,
    waitersLine(
      say(language, 'queue.receives'),
      { shown: view.waitingReceives, count: view.waitingReceivesCount },
      picture,
    ),
    ...gap,
    legendLine(language, ['free', 'ready']),
  ];
}

/** The places, and below each the first letters of its message. */
function placesLines(view: QueueView, { language, width }: QueuePicture): Line[] {
  const put = ` ${say(language, 'queue.put')} ─▶ `;
  const take = `─▶ ${say(language, 'queue.take')} `;
  const room = width - widthOf(put) - widthOf(take) - 1;
  const cellWidth = Math.max(Math.min(Math.floor(room / view.capacity), 12), 4);
  const shownCount = Math.min(view.capacity, Math.floor(room / cellWidth));
  const margin = ' '.repeat(widthOf(put));
  const wall = span('│', 'dim');
  const cells: Span[] = [wall];
  const previews: Span[] = [wall];
  for (let place = shownCount - 1; place >= 0; place -= 1) {
    const slot = view.slots[place];
    const cell = { offset: slot?.offset ?? null, state: slot === undefined ? 'free' : 'ready' } as const;
    cells.push(cellSpan(cell, cellWidth - 1), wall);
    previews.push(span(fit(slot?.preview ?? '', cellWidth - 1, 'center'), 'dim'), wall);
  }
  const edge = (corners: string): Line => {
    const [left = '', middle = '', right = ''] = corners;
    const places = Array.from({ length: shownCount }, () => '─'.repeat(cellWidth - 1));
    return [span(margin), span(left + places.join(middle) + right, 'dim')];
  };
  return [edge('┌┬┐'), [span(put, 'strong'), ...cells, span(take, 'strong')], [span(margin), ...previews], edge('└┴┘')];
}

/** `title (3): p1-9 1.2s  p1-10 0.8s`, as many as there is room for. */
function waitersLine(
  title: string,
  line: { readonly shown: readonly WaiterView[]; readonly count: number },
  { language, isTall }: QueuePicture,
): Line {
  const head: Span[] = [span(` ${title} (${line.count}): `, line.count > 0 ? 'warn' : 'dim')];
  if (line.count === 0) return [...head, span(say(language, 'queue.nobody'), 'dim')];
  const names = line.shown.flatMap(({ who, waitedMs }) => [
    span(who, 'strong'),
    span(` ${isTall ? `${durationText(waitedMs)}  ` : ''}`, 'dim'),
  ]);
  return [...head, ...names];
}
