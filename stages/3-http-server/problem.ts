/**
 * Errors on the wire: an `MqError` as a problem document (RFC 9457) and back.
 *
 *     MqError  --problemOf-->  {type, title, status, detail, code, ...details}  --errorOf-->  MqError
 *
 * Always true: an error that made the journey has its code, message and details again; an error that is no `MqError` is
 * a defect, and tells a stranger nothing but that. Pure; server and client call it.
 */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import {
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  isErrorCode,
  isMqError,
  MqError,
} from '../../shared/contract/errors.ts';
import type { TransactionOutcome } from '../../shared/contract/transaction.ts';

export const PROBLEM_TYPE = 'application/problem+json';

const TYPE_PREFIX = 'urn:stagemq:error:';

/** When an error that may pass says nothing of its own. */
const RETRY_AFTER_MS = 1000;

/** What travels; the details of the error stand beside these members. */
export interface Problem extends ErrorDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
}

/** What the details of an error are made of; a stranger may send anything. */
const Details = Type.Object({
  path: Type.Optional(Type.String()),
  capability: Type.Optional(Type.String()),
  stage: Type.Optional(Type.Integer()),
  logStartOffset: Type.Optional(Type.Integer()),
  logEndOffset: Type.Optional(Type.Integer()),
  failed: Type.Optional(
    Type.Array(
      Type.Object({
        topic: Type.String(),
        partition: Type.Integer(),
        offset: Type.Integer(),
        leaseToken: Type.String(),
      }),
    ),
  ),
  retryAfterMs: Type.Optional(Type.Number()),
  outcome: Type.Optional(Type.Unsafe<TransactionOutcome>({ type: 'string', enum: ['committed', 'aborted'] })),
  position: Type.Optional(Type.Integer()),
  allow: Type.Optional(Type.Array(Type.String())),
});
const details = Compile(Details);

/** Any thrown value as an `MqError`; what is none becomes `MQ_INTERNAL`, with the value as its cause. */
export function asMqError(error: unknown): MqError {
  if (isMqError(error)) return error;
  return new MqError('MQ_INTERNAL', 'the server met a defect of its own; its log has the cause', { cause: error });
}

export function problemOf({ code, message, details }: MqError): Problem {
  const { meaning, httpStatus } = ERRORS[code];
  return { type: TYPE_PREFIX + code, title: meaning, status: httpStatus, detail: message, code, ...details };
}

/** Header fields that belong to an error, in lower case. */
export function headersOf(
  { code, details }: MqError,
  { admission }: { readonly admission?: unknown } = {},
): Record<string, string> {
  switch (code) {
    case 'MQ_QUEUE_FULL':
    case 'MQ_LIMIT_EXCEEDED':
    case 'MQ_RATE_LIMITED':
    case 'MQ_STORAGE_FULL':
    case 'MQ_STORAGE_FAILED':
      return { 'retry-after': String(Math.ceil((details.retryAfterMs ?? RETRY_AFTER_MS) / 1000)) };
    case 'MQ_METHOD_NOT_ALLOWED':
      return { allow: (details.allow ?? []).join(', ') };
    case 'MQ_UNAUTHORIZED':
      return {
        'www-authenticate': admission === undefined ? 'Bearer' : 'Bearer, Basic realm="StageMQ", charset="UTF-8"',
      };
    default:
      return {};
  }
}

/** The error an answer carries; `MQ_PROTOCOL` when it is not a problem document with a code we know. */
export function errorOf(status: number, body: unknown): MqError {
  if (typeof body !== 'object' || body === null || !('code' in body) || !isErrorCode(body.code)) {
    return new MqError('MQ_PROTOCOL', `the server answered ${status} without a problem document that has a known code`);
  }
  if (!details.Check(body)) {
    return new MqError('MQ_PROTOCOL', `the server answered ${body.code} with details of another shape`);
  }
  const detail = 'detail' in body && typeof body.detail === 'string' ? body.detail : ERRORS[body.code].meaning;
  return new MqError(body.code, detail, { details: knownOf(body) });
}

/** What a later server says beside them is not ours to hand out. */
function knownOf(body: ErrorDetails): ErrorDetails {
  const known = Object.entries(body).filter(
    ([name, value]) => Object.hasOwn(Details.properties, name) && value !== undefined,
  );
  return Object.fromEntries(known);
}
