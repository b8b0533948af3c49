/**
 * The operations that are called in JSON: rarely, or with little to carry. `{"op": "commit", "args": ["orders", {...}]}`
 * is `broker.commit("orders", {...})`.
 *
 * Always true: only what stands in the table can be called, with as many arguments as it has there; whether they are right
 * the broker says, as it does to a caller in its own process.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import type { LookupResult } from '../../../../shared/contract/filter.ts';
import { checkOptions, describeValue, invalidArgument, memberPath } from '../../../../shared/contract/validation.ts';
import { parseJson } from '../../../3-http-server/json-body.ts';
import { type JsonMessage, messageOf, toJson } from '../../../3-http-server/json-message.ts';

export interface Call {
  readonly op: string;
  readonly args: readonly unknown[];
  /** A `cancel` may follow. */
  readonly cancellable: boolean;
}

/** Operations of the Broker contract that a `call` may name. */
export const CALLABLE = [
  ...(['createTopic', 'deleteTopic', 'describeTopics', 'createGroup', 'deleteGroup'] as const),
  ...(['nack', 'extendLease', 'leave', 'browse', 'commit', 'committed', 'seek', 'pause', 'resume'] as const),
  ...(['redrive', 'dropDeadLetters', 'explain', 'inspect'] as const),
  ...(['openProducer', 'sendHalf', 'endHalf', 'receiveHalfChecks', 'lookup', 'createTemporaryTopic'] as const),
] as const;

export type Callable = (typeof CALLABLE)[number];

const OPS: ReadonlySet<string> = new Set<string>(CALLABLE);
/** None takes more. */
const ARGUMENTS_MAX = 3;

export function readCall(content: Uint8Array): Call {
  const call = parseJson(Buffer.from(content.buffer, content.byteOffset, content.length));
  checkOptions('call', call, ['op', 'args', 'cancellable']);
  const { op, args, cancellable = false } = call as Partial<Record<keyof Call, unknown>>;
  if (typeof op !== 'string') throw invalidArgument('call.op', 'the name of an operation', op);
  if (!Array.isArray(args) || args.length > ARGUMENTS_MAX) {
    throw invalidArgument('call.args', `an array of at most ${ARGUMENTS_MAX} arguments`, args);
  }
  if (typeof cancellable !== 'boolean') throw invalidArgument('call.cancellable', 'true or false', cancellable);
  for (const arg of args) refuseNull('call.args', arg);
  return { op, args, cancellable };
}

/** JSON says null for a number that is none; to a broker it would mean that the option was left out. */
function refuseNull(path: string, value: unknown): void {
  if (value === null) throw invalidArgument(path, 'free of null: no argument is');
  if (typeof value !== 'object') return;
  for (const [name, member] of Object.entries(value)) refuseNull(memberPath(path, name), member);
}

/** What the operation resolves to, as JSON can say it; undefined: nothing. */
export async function callBroker(broker: Broker, { op, args }: Omit<Call, 'cancellable'>, signal: AbortSignal) {
  if (!isCallable(op)) throw new MqError('MQ_NOT_FOUND', `there is no operation ${describeValue(op)} to call`);
  const method: unknown = Reflect.get(broker, op);
  if (typeof method !== 'function') throw new MqError('MQ_NOT_SUPPORTED', `this broker has no ${op}`);
  const result: unknown = await Reflect.apply(method, broker, argumentsOf(op, args, signal));
  return resultOf(op, result);
}

/** As the broker has them: a message with bytes for its text, and a signal for what waits. */
function argumentsOf(op: Callable, args: readonly unknown[], signal: AbortSignal): readonly unknown[] {
  if (op === 'receiveHalfChecks') return [args[0], withSignal(args[1], signal)];
  if (op !== 'sendHalf') return args;
  const [topic, message, options] = args;
  return [topic, messageIn(message), withSignal(options, signal)];
}

/** What is no object is left for the broker to refuse. */
function withSignal(options: unknown, signal: AbortSignal): unknown {
  if (options !== undefined && (typeof options !== 'object' || Array.isArray(options))) return options;
  return { ...(options as object | undefined), signal };
}

function messageIn(message: unknown): unknown {
  const isJson = typeof message === 'object' && message !== null && 'body' in message;
  if (!isJson || typeof message.body !== 'string') throw invalidArgument('message.body', 'a string');
  const { encoding } = message as { readonly encoding?: unknown };
  if (encoding !== undefined && encoding !== 'utf8' && encoding !== 'base64') {
    throw invalidArgument('message.encoding', 'utf8 or base64', encoding);
  }
  return messageOf(message as JsonMessage, 'message');
}

/** With texts for bytes. */
function resultOf(op: Callable, result: unknown): unknown {
  const records = (some: unknown): unknown[] => (some as { body: Uint8Array }[]).map((record) => toJson(record));
  if (op === 'browse' || op === 'receiveHalfChecks') return records(result);
  if (op !== 'lookup') return result;
  const found = result as LookupResult;
  return { ...found, records: records(found.records) };
}

function isCallable(op: string): op is Callable {
  return OPS.has(op);
}
