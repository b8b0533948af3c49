/** Values as a failure's story shows them: on one line, short, bodies readable. Pure. */

const TEXT_MAX = 160;
const PREVIEW_BYTES = 48;
const ITEMS_MAX = 6;

/** `value` on one line; long texts, bodies and lists are cut and say how long they were. */
export function show(value: unknown): string {
  const text = showPart(value, 0);
  return text.length > TEXT_MAX * 4 ? `${text.slice(0, TEXT_MAX * 4)}…` : text;
}

function showPart(value: unknown, depth: number): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}…` : value);
  if (value instanceof Uint8Array) return showBytes(value);
  if (value instanceof Error) return 'code' in value ? `${value.code} (${value.message})` : String(value);
  if (value instanceof AbortSignal) return value.aborted ? 'aborted signal' : 'signal';
  if (value instanceof Set) return `set ${showPart([...value], depth)}`;
  if (Array.isArray(value)) return showList(value, depth);
  if (typeof value === 'object' && value !== null) return showObject(value, depth);
  if (typeof value === 'function') return 'a function';
  return String(value);
}

function showBytes(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, PREVIEW_BYTES));
  return bytes.length > PREVIEW_BYTES ? `${JSON.stringify(`${text}…`)} (${bytes.length} bytes)` : JSON.stringify(text);
}

function showList(list: readonly unknown[], depth: number): string {
  if (depth > 3) return `[${list.length} items]`;
  const shown = list.slice(0, ITEMS_MAX).map((item) => showPart(item, depth + 1));
  if (list.length > ITEMS_MAX) shown.push(`… ${list.length} in all`);
  return `[${shown.join(', ')}]`;
}

function showObject(value: object, depth: number): string {
  if (depth > 3) return '{…}';
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${name}: ${showPart(member, depth + 1)}`).join(', ')}}`;
}

/** A short text that stands for a whole body: the text itself when short, else its beginning, length and a hash. */
export function standInOf(body: Uint8Array | string): string {
  if (typeof body === 'string') return body.length <= PREVIEW_BYTES ? body : standInOf(new TextEncoder().encode(body));
  if (body.length <= PREVIEW_BYTES) return new TextDecoder().decode(body);
  let hash = 0x811c9dc5;
  for (const byte of body) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `${new TextDecoder().decode(body.subarray(0, PREVIEW_BYTES))}… ${body.length} bytes #${hash.toString(16)}`;
}
