/**
 * The Accept field of a request: `type; q=0.5, other/type`.
 *
 * Always true: a media type counts as accepted only when it is named whole, and not with the weight 0; a pattern such as
 * the one of curl names nothing. Pure; the route that answers in two formats calls it.
 */

const WEIGHT_ZERO = /^q=0(\.0{0,3})?$/;

export function accepts(field: string | undefined, mediaType: string): boolean {
  if (field === undefined) return false;
  return field.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === mediaType && !parameters.some((parameter) => WEIGHT_ZERO.test(parameter));
  });
}
