/**
 * The pointers of groups under a picture of records: `▲12△3` is the next record of groups 1 and 2, and where everything
 * below is finished for group 3. Shared by the ring and the log. Pure functions.
 */
import { type Line, lineWidth, type Span, span, type Tone } from './text.ts';

/** Which group a number and a colour mean; the pane of the consumers uses the same. */
export function groupTone(index: number): Tone {
  const tones: readonly Tone[] = ['group-1', 'group-2', 'group-3', 'group-4'];
  return tones[index % tones.length] ?? 'plain';
}

/** The groups, by index, whose pointers stand under one cell; in `width` columns. */
export function pointerSpans(
  groups: { readonly next: readonly number[]; readonly committed: readonly number[] },
  width: number,
): Line {
  const committed = groups.committed.filter((index) => !groups.next.includes(index));
  return centred([...marksOf('▲', groups.next), ...marksOf('△', committed)], width);
}

/** In the middle of `width` columns; as it is where it is wider. */
export function centred(marks: Line, width: number): Line {
  const room = Math.max(width - lineWidth(marks), 0);
  const left = Math.floor(room / 2);
  return [span(' '.repeat(left)), ...marks, span(' '.repeat(room - left))];
}

function marksOf(mark: string, groups: readonly number[]): Span[] {
  const [first] = groups;
  if (first === undefined) return [];
  return [span(mark, groupTone(first)), ...groups.map((index) => span(String(index + 1), groupTone(index)))];
}
