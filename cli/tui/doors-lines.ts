/**
 * The page of doors: where the broker listens for the protocols of others, who has come, and what each of them reads.
 *
 *     STOMP     stomp://127.0.0.1:61613     1 connected, subscriptions: 1
 *     MQTT      mqtt://127.0.0.1:1883       0 connected, subscriptions: 0
 *
 *     stomp shop 127.0.0.1:53412  in 3  out 2  12.0 s
 *       /queue/orders: group default, holds 2 of 10
 *
 * Pure functions of what the broker said last; what does not fit is counted.
 */
import type { ConnectionDescription, SubscriptionDescription } from '../../shared/contract/connections.ts';
import type { Language } from '../../shared/lesson.ts';
import type { DoorsView } from './killable.ts';
import { say, translate } from './messages.ts';
import { clockText } from './numbers.ts';
import { EMPTY_LINE, fit, type Line, span, truncate, wrap } from './text.ts';

interface DoorsRoom {
  readonly language: Language;
  readonly width: number;
  readonly height: number;
  /** Epoch ms. */
  readonly now: number;
}

/** The screen is the first that comes through TCP: nobody else is told that port. Through HTTP it looks who is there. */
const OWN_CONNECTION = 'tcp-1';
const OWN_DOOR = 'http';
/** It does not tell what goes to and fro. */
const UNCOUNTED_DOOR = 'tcp';
const TITLE_WIDTH = 10;
const URL_WIDTH = 28;

export function doorsLines({ places, connections }: DoorsView, room: DoorsRoom): Line[] {
  const { language, width, height } = room;
  const strangers = strangersOf({ connections });
  const countOf = (door: string): number => connections.filter((connection) => connection.door === door).length;
  const ownCount = connections.filter(({ id }) => id === OWN_CONNECTION).length;
  const own = translate(language, 'doors.own', { http: countOf(OWN_DOOR), tcp: ownCount });
  const head: Line[] = [
    ...places.map((place) => placeLine(place, connections, language)),
    [span(` ${own}`, 'dim')],
    EMPTY_LINE,
  ];
  const last: Line = [span(` ${say(language, 'doors.leave')}`, 'dim')];
  if (strangers.length === 0) {
    const nobody = wrap(say(language, 'doors.nobody'), width - 2).map((text): Line => [span(` ${text}`)]);
    return [...head, ...nobody, EMPTY_LINE, last].slice(0, height);
  }
  const listed = strangers.flatMap((connection) => connectionLines(connection, room));
  return [...head, ...cut(listed, height - head.length - 1, language), last];
}

/** `STOMP :61613 MQTT :1883`, for a pane that is narrow. */
export function doorsSummary({ places }: DoorsView, language: Language): string {
  const doors = places.map(({ title, url }) => `${title} :${new URL(url).port}`).join(' ');
  return translate(language, 'process.doors', { doors });
}

/** Whoever is not the screen itself. */
export function strangersOf({ connections }: Pick<DoorsView, 'connections'>): readonly ConnectionDescription[] {
  return connections.filter(({ door, id }) => door !== OWN_DOOR && id !== OWN_CONNECTION);
}

function placeLine(
  { title, url }: DoorsView['places'][number],
  connections: readonly ConnectionDescription[],
  language: Language,
): Line {
  const there = connections.filter(({ door }) => door === title.toLowerCase());
  const subscriptions = there.reduce((sum, { subscriptionCount }) => sum + subscriptionCount, 0);
  const counts = translate(language, 'doors.place', { connections: there.length, subscriptions });
  return [
    span(` ${fit(title, TITLE_WIDTH)}`, 'strong'),
    span(fit(url, URL_WIDTH), 'title'),
    span(counts, there.length > 0 ? 'good' : 'dim'),
  ];
}

function connectionLines(connection: ConnectionDescription, { language, width, now }: DoorsRoom): Line[] {
  const { door, clientId, address, messagesInCount, messagesOutCount, connectedAt, subscriptions } = connection;
  const shown = { door, client: clientId ?? '-', address, since: clockText(Math.max(now - connectedAt, 0)) };
  const who =
    door === UNCOUNTED_DOOR
      ? translate(language, 'doors.sinceOnly', shown)
      : translate(language, 'doors.since', { ...shown, in: messagesInCount, out: messagesOutCount });
  const line = (text: string): string => truncate(withoutControls(text), width);
  return [
    [span(line(` ${who}`), 'strong')],
    ...subscriptions.map((subscription): Line => [span(line(`   ${readsText(subscription, language)}`))]),
  ];
}

function readsText(
  { destination, group, creditMax, heldCount: held }: SubscriptionDescription,
  language: Language,
): string {
  if (creditMax === null) return translate(language, 'doors.readsUnbounded', { destination, group, held });
  return translate(language, 'doors.reads', { destination, group, held, credit: creditMax });
}

/** A client may call itself anything; the terminal obeys none of it. */
function withoutControls(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '�');
}

function cut(lines: readonly Line[], height: number, language: Language): Line[] {
  if (lines.length <= height) return [...lines, EMPTY_LINE].slice(0, height);
  const shown = lines.slice(0, height - 1);
  return [...shown, [span(` ${translate(language, 'doors.more', { count: lines.length - shown.length })}`, 'warn')]];
}
