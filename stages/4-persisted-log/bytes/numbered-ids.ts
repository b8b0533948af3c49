/**
 * Ids that only count on, as clients make them: `a1-7`, `a1-8`, `a1-9`. A batch says them once, and its records not at all.
 *
 * Always true: what is answered makes exactly these ids again, each `${idPrefix}${firstIdNumber + index}`. Pure.
 */

/** Of a message, or what became of one. */
interface Identified {
  readonly id?: string | undefined;
}

export interface NumberedIds {
  readonly idPrefix: string;
  readonly firstIdNumber: number;
}

const NUMBERED_ID = /^(.*?)(0|[1-9]\d{0,14})$/s;
const DIGIT_0 = 0x30;

/** undefined: they are others, or there is only one, which takes as many bytes either way. */
export function numberedIdsOf(messages: readonly Identified[]): NumberedIds | undefined {
  const match = messages.length > 1 ? NUMBERED_ID.exec(messages[0]?.id ?? '') : null;
  if (match === null) return undefined;
  const [, idPrefix = '', number = ''] = match;
  const firstIdNumber = Number(number);
  for (let index = 1; index < messages.length; index += 1) {
    if (!isNumbered(messages[index]?.id, idPrefix, firstIdNumber + index)) return undefined;
  }
  return { idPrefix, firstIdNumber };
}

/** Whether `id` is `${idPrefix}${number}`, without making that: it is asked of every message. */
function isNumbered(id: string | undefined, idPrefix: string, number: number): boolean {
  if (id === undefined) return false;
  let left = number;
  let at = id.length - 1;
  for (; left > 0 && at >= idPrefix.length; at -= 1) {
    if (id.charCodeAt(at) !== DIGIT_0 + (left % 10)) return false;
    left = Math.floor(left / 10);
  }
  return left === 0 && at === idPrefix.length - 1 && id.startsWith(idPrefix);
}
