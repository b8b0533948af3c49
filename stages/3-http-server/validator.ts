/**
 * Checks one part of a request against its schema, and says in one sentence what is wrong and where.
 *
 * Always true: a value passes unchanged or is refused as `MQ_INVALID_ARGUMENT` with a path such as
 * `messages[3].key`; only whole numbers and booleans of a query, which arrive as text, are turned into what they say.
 * Explaining a refusal walks one element of a list at most, however long the list is.
 * Fastify calls it once per schema, while the server is made.
 */
import type { FastifySchema, FastifySchemaCompiler, FastifyTypeProvider } from 'fastify';
import type { Static, TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';
import type { MqError } from '../../shared/contract/errors.ts';
import { invalidArgument } from '../../shared/contract/validation.ts';

/** Tells fastify's types what a typebox schema describes. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  /** Answers are typed by the contract, not by their schema. */
  serializer: unknown;
}

/** One finding of the schema compiler. */
interface Finding {
  readonly keyword: string;
  /** JSON pointer. */
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

/** What fastify takes for an answer: true leaves the part as it is. */
type Check = (data: unknown) => true | { value: unknown } | { error: MqError };

const WHOLE_NUMBER = /^(0|[1-9][0-9]*)$/;

export const compileValidator: FastifySchemaCompiler<FastifySchema> = (route) => {
  const { schema, httpPart } = route as { schema: TSchema; httpPart?: string };
  const isJson = !('contentType' in route) || route.contentType === 'application/json';
  // Parts of a path and headers are texts, whatever they are; their schema is there to be published.
  if (httpPart === 'params' || httpPart === 'headers' || !isJson) return () => true;
  return httpPart === 'querystring' ? queryCheck(schema) : bodyCheck(schema);
};

/** A body all of whose members are optional may be left out. */
export function mayBeAbsent(schema: TSchema): boolean {
  return 'properties' in schema && !('required' in schema);
}

function bodyCheck(schema: TSchema): Check {
  const compiled = Compile(schema);
  const lists = listsOf(schema);
  const isOptional = mayBeAbsent(schema);
  return (body) => {
    if (compiled.Check(body)) return true;
    // Fastify hands over null where there is no body; null is no JSON of ours.
    if (body === null && isOptional) return { value: {} };
    return { error: wrongElement(body, lists) ?? refusal(compiled.Errors(withoutLists(body, lists)), 'body') };
  };
}

/** A member that is a list, and the check of one of its elements. */
interface List {
  readonly name: string;
  readonly element: Pick<Validator, 'Check' | 'Errors'>;
}

/** The lists a body may have: members of its schema, or of one of the shapes it may have. */
function listsOf(schema: TSchema): readonly List[] {
  const shapes = 'anyOf' in schema ? (schema.anyOf as TSchema[]) : [schema];
  const members = shapes.flatMap((shape) => Object.entries('properties' in shape ? (shape.properties as object) : {}));
  const ofLists = members.filter(([, member]: [string, TSchema]) => 'items' in member);
  return ofLists.map(([name, { items }]: [string, { items: TSchema }]) => ({ name, element: Compile(items) }));
}

/**
 * What is wrong with the first wrong element of a list. I12: checking an element is quick, collecting what is wrong with
 * it is not, and a stranger decides how many there are.
 */
function wrongElement(body: unknown, lists: readonly List[]): MqError | undefined {
  for (const { name, element } of lists) {
    const list = memberOf(body, name);
    const index = Array.isArray(list) ? list.findIndex((part) => !element.Check(part)) : -1;
    if (Array.isArray(list) && index >= 0) return refusal(element.Errors(list[index]), 'body', [name, String(index)]);
  }
  return undefined;
}

/** The body with its lists emptied, whose elements were found right: what is wrong lies outside them. */
function withoutLists(body: unknown, lists: readonly List[]): unknown {
  const names = lists.map(({ name }) => name).filter((name) => Array.isArray(memberOf(body, name)));
  return names.length === 0 ? body : { ...(body as object), ...Object.fromEntries(names.map((name) => [name, []])) };
}

function memberOf(body: unknown, name: string): unknown {
  if (typeof body !== 'object' || body === null || !Object.hasOwn(body, name)) return undefined;
  return (body as Record<string, unknown>)[name];
}

/** Whole numbers of a query arrive as text; what is not the text of one stays text, and the schema refuses it. */
function queryCheck(schema: TSchema): Check {
  const compiled = Compile(schema);
  const properties = 'properties' in schema ? (schema.properties as Record<string, { type?: string }>) : {};
  const read = (name: string, text: unknown): unknown => {
    const isNumber = Object.hasOwn(properties, name) && properties[name]?.type === 'integer';
    return isNumber && typeof text === 'string' && WHOLE_NUMBER.test(text) ? Number(text) : text;
  };
  return (query) => {
    const entries = Object.entries(query as Record<string, unknown>);
    if (entries.length === 0 && compiled.Check(query)) return true;
    const value = Object.fromEntries(entries.map(([name, text]) => [name, read(name, text)]));
    return compiled.Check(value) ? { value } : { error: refusal(compiled.Errors(value), 'query') };
  };
}

/**
 * The finding deepest in the value: where a value may have one of several shapes, that is the shape it was meant to
 * have. A member that only the other shape lacks comes last.
 */
function refusal(findings: readonly object[], part: string, parent: readonly string[] = []): MqError {
  const isStranger = ({ keyword }: Finding): number => (keyword === 'additionalProperties' ? 1 : 0);
  const places = (findings as readonly Finding[])
    .toSorted((one, other) => isStranger(one) - isStranger(other))
    .map(placeOf)
    .sort((one, other) => other.path.length - one.path.length);
  const { path, expected } = places[0] ?? { path: [], expected: 'what the protocol says' };
  const whole = [...parent, ...path];
  return invalidArgument(whole.length === 0 ? part : written(whole), expected);
}

function placeOf({ keyword, instancePath, message, params }: Finding): { path: string[]; expected: string } {
  const path = instancePath.split('/').slice(1).map(unescapePointer);
  if (keyword === 'additionalProperties' && 'additionalProperties' in params) {
    const [stranger = ''] = params.additionalProperties as string[];
    return { path: [...path, stranger], expected: 'left out: there is no such member here' };
  }
  if (keyword === 'boolean') return { path: path.slice(0, -1), expected: 'without members the protocol does not know' };
  if (keyword === 'required' && 'requiredProperties' in params) {
    const [missing = ''] = params.requiredProperties as string[];
    return { path, expected: `an object with the member "${missing}"` };
  }
  if (keyword === 'enum' && 'allowedValues' in params) {
    return { path, expected: `one of ${(params.allowedValues as unknown[]).join(', ')}` };
  }
  return { path, expected: message.replace(/^must be /, '') };
}

/** `['messages', '3', 'key']` as `messages[3].key`. */
function written(path: readonly string[]): string {
  return path.map((step, at) => (/^\d+$/.test(step) ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}
