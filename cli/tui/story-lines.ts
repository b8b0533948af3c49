/**
 * The lines below the picture: what happened, the last requests, the rates, the keys, the help page and the curl of a
 * request. Pure functions of the state.
 */
import type { Language } from '../../shared/lesson.ts';
import type { EventTone, ScreenEvent } from './event-log.ts';
import { bindingsOf } from './keys.ts';
import { WIDE_COLUMNS } from './layout.ts';
import type { MeasurementsView } from './measurements.ts';
import { say, translateRecorded } from './messages.ts';
import { clockText, durationText, rateText, trendText } from './numbers.ts';
import type { RequestEntry } from './running-stage.ts';
import {
  EMPTY_LINE,
  fit,
  fitLine,
  type Line,
  lineWidth,
  type Span,
  span,
  type Tone,
  truncateStart,
  widthOf,
  wrap,
} from './text.ts';

interface Room {
  readonly width: number;
  readonly height: number;
}

const EVENT_TONES: Readonly<Record<EventTone, Tone>> = { plain: 'plain', good: 'good', warn: 'warn', bad: 'bad' };
const TIME_WIDTH = 8;
const FIRST_WITH_MANY_KEYS = 5;

/** The newest events at the bottom, long ones on several lines. */
export function eventLines(events: readonly ScreenEvent[], language: Language, room: Room): Line[] {
  const lines: Line[] = [];
  for (const event of events.toReversed()) {
    const text = translateRecorded(language, event) + (event.count > 1 ? `  x${event.count}` : '');
    const [first = '', ...rest] = wrap(text, room.width - TIME_WIDTH - 2);
    const tone = EVENT_TONES[event.tone];
    lines.unshift(
      [span(`${fit(clockText(event.atMs), TIME_WIDTH, 'right')}  `, 'dim'), span(first, tone)],
      ...rest.map((line) => [span(' '.repeat(TIME_WIDTH + 2)), span(line, tone)]),
    );
    if (lines.length >= room.height) break;
  }
  return lines.slice(-room.height);
}

/** `POST /topics/orders/messages 201 312µs`, the newest at the bottom; of a long path the end is shown. */
export function requestLines(requests: readonly RequestEntry[], room: Room): Line[] {
  return requests.slice(-room.height).map(({ method, path, status, durationUs }) => {
    const time = fit(durationText(durationUs / 1000), 6, 'right');
    const pathWidth = room.width - 6 - 1 - 4 - 1 - widthOf(time) - 1;
    // The query goes first, then the beginning of the path; the curl has it all.
    const shown = widthOf(path) <= pathWidth ? path : truncateStart(path.split('?')[0] ?? path, pathWidth);
    return [
      span(fit(method, 6), 'strong'),
      span(` ${fit(shown, pathWidth)} `),
      span(fit(String(status), 4), status < 400 ? 'good' : 'bad'),
      span(` ${time}`, 'dim'),
    ];
  });
}

/** Rates with their last twenty seconds, then the times. */
export function measurementsLine(measurements: MeasurementsView, language: Language, width: number): Line {
  const { sentRate, finishedRate, sendTime, endToEndTime } = measurements;
  const percentiles = (title: string, { p50Ms, p99Ms }: MeasurementsView['sendTime']): Span[] => [
    span(`  ${title} `, 'dim'),
    span(`p50 ${durationText(p50Ms)} p99 ${durationText(p99Ms)}`),
  ];
  // The titles of the upper panes have the rates, so a narrow line goes without.
  const rate = (perSecond: number): string => (width < WIDE_COLUMNS ? '' : `${rateText(perSecond)}/s `);
  const sent = [span(` ${say(language, 'rates.sent')} `, 'dim'), span(rate(sentRate), 'strong')];
  const finished = [span(`  ${say(language, 'rates.finished')} `, 'dim'), span(rate(finishedRate), 'strong')];
  const times = [
    ...percentiles(say(language, 'rates.send'), sendTime),
    ...percentiles(say(language, 'rates.endToEnd'), endToEndTime),
  ];
  const room = Math.floor((width - lineWidth([...sent, ...finished, ...times])) / 2);
  const trendWidth = Math.max(Math.min(room, 20), 0);
  return fitLine(
    [
      ...sent,
      span(trendText(measurements.sentTrend, trendWidth), 'title'),
      ...finished,
      span(trendText(measurements.finishedTrend, trendWidth), 'good'),
      ...times,
    ],
    width,
  );
}

/** As many keys as fit, the most used first; help and quit always. */
export function keyLines(stage: number, language: Language, room: Room): Line[] {
  const gap = room.height > 1 ? ' ' : '';
  const entries = bindingsOf(stage, room.height > 1 ? 2 : 1).map(
    ({ shown, label }): Line => [span(` ${shown}`, 'key'), span(` ${say(language, label)}${gap}`)],
  );
  const always = entries.slice(-2).flat();
  const lines: Line[] = [EMPTY_LINE];
  const append = (spans: Line, reserved: number): void => {
    const line = lines.at(-1) ?? EMPTY_LINE;
    const isLast = lines.length === room.height;
    if (lineWidth(line) + lineWidth(spans) <= room.width - (isLast ? reserved : 0))
      lines[lines.length - 1] = [...line, ...spans];
    else if (!isLast) lines.push(spans);
  };
  for (const entry of entries.slice(0, -2)) append(entry, lineWidth(always));
  append(always, 0);
  return Array.from({ length: room.height }, (_, index) => fitLine(lines[index] ?? EMPTY_LINE, room.width));
}

/** Every key with what it does in two columns, then what the numbers and letters mean. */
export function helpLines(stage: number, language: Language, room: Room): Line[] {
  const width = Math.floor(room.width / 2);
  const entries = bindingsOf(stage, 3).map(
    ({ shown, explanation }): Line =>
      fitLine([span(` ${fit(shown, 6)}`, 'key'), span(say(language, explanation))], width),
  );
  const perColumn = Math.ceil(entries.length / 2);
  const keys = entries.slice(0, perColumn).map((line, index) => [...line, ...(entries[index + perColumn] ?? [])]);
  const notes = notesOf(stage).flatMap((key) =>
    wrap(say(language, key), room.width - 2).map((text): Line => [span(` ${text}`, 'dim')]),
  );
  const gap = keys.length + notes.length < room.height ? [EMPTY_LINE] : [];
  return [...keys, ...gap, ...notes];
}

/** What matters most of what a stage shows; where there are many keys there is room for little else. */
function notesOf(stage: number) {
  return stage < FIRST_WITH_MANY_KEYS
    ? (['help.columns', 'help.cells', 'help.crashes'] as const)
    : (['help.robust'] as const);
}

/** A command on several lines that a shell reads as one: each line but the last ends in a backslash. */
export function curlLines(curl: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  const end = (): void => {
    if (line !== '') lines.push(line);
    line = '';
  };
  for (const word of curl.match(/(?:'[^']*'|"(?:\\.|[^"])*"|\\.|[^\s'"\\])+/g) ?? []) {
    if (widthOf(`${line} ${word} \\`) > width) end();
    const [first = '', ...more] = quotedPieces(word, width - 4);
    line = line === '' ? first : `${line} ${first}`;
    for (const piece of more) {
      // Without a space before the backslash and at the start of the line, the shell joins the two.
      lines.push(`${line}\\`);
      line = piece;
    }
  }
  end();
  return lines.map((text, index) => (index === lines.length - 1 || text.endsWith('\\') ? text : `${text} \\`));
}

/** A quoted word that is too long for a line, as several quoted ones. */
function quotedPieces(word: string, width: number): string[] {
  if (widthOf(word) <= width || !/^'[^']*'$/.test(word)) return [word];
  const pieces: string[] = [];
  let piece = '';
  for (const character of word.slice(1, -1)) {
    if (widthOf(piece + character) > width) {
      pieces.push(`'${piece}'`);
      piece = '';
    }
    piece += character;
  }
  return [...pieces, `'${piece}'`];
}
