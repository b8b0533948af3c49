/** The pane of the broker's process: whether it lives, how it was found at its start, and what it has promised so far. */
import type { Language } from '../../shared/lesson.ts';
import { doorsSummary, strangersOf } from './doors-lines.ts';
import type { ProcessView } from './killable.ts';
import { say, translate } from './messages.ts';
import { durationText } from './numbers.ts';
import type { PromisesView } from './survival.ts';
import { type Line, type Span, span, truncateStart, wrap } from './text.ts';

interface ProcessPane {
  readonly language: Language;
  readonly width: number;
  readonly height: number;
  readonly promises: PromisesView;
}

/** Where strangers may come, with how many have. */
export function processTitle({ doors }: ProcessView, language: Language): string {
  if (doors.places.length === 0) return say(language, 'pane.process');
  return translate(language, 'pane.processWithDoors', { count: strangersOf(doors).length });
}

export function processLines(view: ProcessView, pane: ProcessPane): Line[] {
  const { language, width, height, promises } = pane;
  const { url, flushPolicy: policy, startMs, openingMs, notices, dataFolder, doors } = view;
  const times = { opening: durationText(openingMs), start: durationText(startMs) };
  const facts = [
    translate(language, 'process.flush', { url, policy }),
    ...(doors.places.length === 0 ? [] : [doorsSummary(doors, language)]),
    translate(language, 'process.opened', times),
    ...notices,
    dataFolder,
  ];
  const lines = facts.flatMap((text) =>
    wrap(text, width - 1).map((line): Line => [span(` ${truncateStart(line, width - 1)}`, 'dim')]),
  );
  return [[stateSpan(view, language)], [promiseSpan(promises, language)], ...lines].slice(0, height);
}

/** What is promised; after a kill, what of it was kept. */
function promiseSpan({ acknowledgedCount, survived }: PromisesView, language: Language): Span {
  if (survived === undefined) {
    return span(` ${translate(language, 'process.promised', { count: acknowledgedCount })}`, 'dim');
  }
  const { acknowledgedCount: count, foundCount: found } = survived;
  return span(` ${translate(language, 'process.survived', { count, found })}`, found === count ? 'good' : 'bad');
}

function stateSpan({ state, pid, lifeCount }: ProcessView, language: Language): Span {
  if (state === 'starting') return span(` ${say(language, 'process.starting')}`, 'warn');
  if (state === 'ending') return span(` ${translate(language, 'process.ending', { pid })}`, 'warn');
  if (state === 'dead') return span(` ${translate(language, 'process.dead', { pid })}`, 'bad');
  return span(` ${translate(language, 'process.running', { pid, life: lifeCount })}`, 'good');
}
