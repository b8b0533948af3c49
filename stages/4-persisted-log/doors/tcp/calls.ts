/**
 * The operations that are called in JSON: rarely, or with little to carry. `{"op": "commit", "args": ["orders", {...}]}`
 * is `broker.commit("orders", {...})`.
 *
 * Always true: only what stands in the table can be called, with as many arguments as it has there; whether they are right
 * the broker says, as it does to a caller in its own process.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import { MqError } from '../../../../shared/contract/errors.ts';
import { checkOptions, describeValue, invalidArgument, memberPath } from '../../../../shared/contract/validation.ts';
import { parseJson } from '../../../3-http-server/json-body.ts';
import { toJson } from '../../../3-http-server/json-message.ts';

export interface Call {
  readonly op: string;
  readonly args: readonly unknown[];
}

/** Operations of the Broker contract that a `call` may name. */
export const CALLABLE = [
  ...(['createTopic', 'deleteTopic', 'describeTopics', 'createGroup', 'deleteGroup'] as const),
  ...(['nack', 'extendLease', 'leave', 'browse', 'commit', 'committed', 'seek', 'pause', 'resume'] as const),
  ...(['redrive', 'dropDeadLetters', 'explain', 'inspect'] as const),
] as const;

export type Callable = (typeof CALLABLE)[number];

const OPS: ReadonlySet<string> = new Set<string>(CALLABLE);
/** None takes more. */
const ARGUMENTS_MAX = 3;

export function readCall(content: Uint8Array): Call {
  const call = parseJson(Buffer.from(content.buffer, content.byteOffset, content.length));
  checkOptions('call', call, ['op', 'args']);
  const { op, args } = call as { readonly op?: unknown; readonly args?: unknown };
  if (typeof op !== 'string') throw invalidArgument('call.op', 'the name of an operation', op);
  if (!Array.isArray(args) || args.length > ARGUMENTS_MAX) {
    throw invalidArgument('call.args', `an array of at most ${ARGUMENTS_MAX} arguments`, args);
  }
  for (const arg of args) refuseNull('call.args', arg);
  return { op, args };
}

/** JSON says null for a number that is none; to a broker it would mean that the option was left out. */
function refuseNull(path: string, value: unknown): void {
  if (value === null) throw invalidArgument(path, 'free of null: no argument is');
  if (typeof value !== 'object') return;
  for (const [name, member] of Object.entries(value)) refuseNull(memberPath(path, name), member);
}

/** What the operation resolves to, as JSON can say it; undefined: nothing. */
export async function callBroker(broker: Broker, { op, args }: Call): Promise<unknown> {
  if (!isCallable(op)) throw new MqError('MQ_NOT_FOUND', `there is no operation ${describeValue(op)} to call`);
  const method: unknown = Reflect.get(broker, op);
  if (typeof method !== 'function') throw new MqError('MQ_NOT_SUPPORTED', `this broker has no ${op}`);
  const result: unknown = await Reflect.apply(method, broker, args);
  return op === 'browse' ? (result as Parameters<typeof toJson>[0][]).map((record) => toJson(record)) : result;
}

function isCallable(op: string): op is Callable {
  return OPS.has(op);
}
