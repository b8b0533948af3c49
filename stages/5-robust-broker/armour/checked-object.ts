/** An object of a configuration, checked without showing what it is instead: that may be a secret in the wrong place. Pure. */
import { checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';

/** An object that has none but the `known` members. */
export function checkedObject(
  path: string,
  value: unknown,
  known: readonly string[],
): Readonly<Record<string, unknown>> {
  const object = asObject(path, value);
  checkOptions(path, object, known);
  return object;
}

/** An object with any members, which are names of the caller's choice. */
export function asObject(path: string, value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidArgument(path, 'an object');
  return value as Readonly<Record<string, unknown>>;
}
