/**
 * Whatever was thrown inside the server, as an `MqError`: the broker's own errors as they are, fastify's in our words,
 * anything else as `MQ_INTERNAL`.
 *
 * Always true: only a defect becomes `MQ_INTERNAL`. The application's error handler calls it.
 */
import { type ErrorCode, MqError } from '../../shared/contract/errors.ts';
import { asMqError } from './problem.ts';

const CODES: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'MQ_PAYLOAD_TOO_LARGE',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MQ_UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'MQ_INVALID_ARGUMENT',
  FST_ERR_BAD_URL: 'MQ_INVALID_ARGUMENT',
  FST_ERR_MAX_PARAM_LENGTH: 'MQ_INVALID_ARGUMENT',
};

const DETAILS: Readonly<Partial<Record<ErrorCode, string>>> = {
  MQ_PAYLOAD_TOO_LARGE: 'the request body is larger than this server accepts',
  MQ_UNSUPPORTED_MEDIA_TYPE: 'this route does not read this content type; docs/protocol-http.md lists what it reads',
};

export function errorOfServer(error: unknown): MqError {
  if (!(error instanceof Error) || error instanceof MqError || !('code' in error)) return asMqError(error);
  const code = CODES[String(error.code)] ?? brokenBody(error);
  return code === undefined ? asMqError(error) : new MqError(code, DETAILS[code] ?? error.message);
}

/** A body that ended early is the caller's: fastify gives such errors a status below 500. */
function brokenBody(error: Error): ErrorCode | undefined {
  const isCallers = 'statusCode' in error && Number(error.statusCode) >= 400 && Number(error.statusCode) < 500;
  return isCallers ? 'MQ_INVALID_ARGUMENT' : undefined;
}
