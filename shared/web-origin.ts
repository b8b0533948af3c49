/**
 * What a browser says in `Origin` of the page that asks: `https://shop.example`, `http://localhost:5173`, `null` of a file.
 *
 * Always true: a text that no browser would send is none, so that a list of origins has no entry that never matches: no `*`, no
 * path, no port that the scheme has anyway, no capitals. Pure. Doors and the command check what they are told with it.
 */

const SCHEME_AND_HOST = /^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s,*]+$/;

export function isOrigin(text: unknown): boolean {
  if (text === 'null') return true;
  if (typeof text !== 'string' || !SCHEME_AND_HOST.test(text)) return false;
  // Of any other scheme, such as that of an app, nothing more is known.
  return !/^https?:/.test(text) || URL.parse(text)?.origin === text;
}
