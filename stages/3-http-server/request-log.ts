/**
 * What happened at the door, one entry an answered request: for the screen's list of last requests, each copyable as a
 * curl command.
 *
 * Always true: an entry never holds a token or a password; a body is shown only as far as a person would read it.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

/** One request that was answered, as `onRequest` gets it. */
export interface RequestLogEntry {
  /** When it was answered, epoch ms. */
  readonly atMs: number;
  readonly method: string;
  /** Path and query as they came. */
  readonly path: string;
  readonly status: number;
  /** From the end of the request's headers to the end of the answer, in microseconds. */
  readonly durationUs: number;
  /** Bytes of the bodies, without headers. */
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The request as a command line. */
  readonly curl: string;
}

/** Longest body a command line shows. */
const SHOWN_CHARACTERS_MAX = 500;
const SHOWN_HEADERS = ['content-type', 'accept', 'mq-key', 'mq-id', 'mq-headers'];

export function logEntryOf(request: FastifyRequest, reply: FastifyReply, atMs: number): RequestLogEntry {
  return {
    atMs,
    method: request.method,
    path: request.url,
    status: reply.statusCode,
    durationUs: Math.round(reply.elapsedTime * 1000),
    requestBytes: Number(request.headers['content-length'] ?? 0),
    responseBytes: Number(reply.getHeader('content-length') ?? 0),
    curl: curlOf(request),
  };
}

function curlOf(request: FastifyRequest): string {
  const { method, headers } = request;
  const parts = ['curl', '-i'];
  const body = headers['content-type'] === undefined ? [] : bodyArguments(request.body);
  if (method === 'HEAD') parts.push('-I');
  else if (method !== (body.length === 0 ? 'GET' : 'POST')) parts.push('-X', method);
  if (/^basic /i.test(headers.authorization ?? '')) parts.push('-u', '"$MQ_USER:$MQ_PASSWORD"');
  else if (headers.authorization !== undefined) parts.push('-H', '"authorization: Bearer $MQ_TOKEN"');
  for (const name of SHOWN_HEADERS) {
    const value = headers[name];
    if (value !== undefined && value !== '*/*') parts.push('-H', quoted(`${name}: ${value}`));
  }
  return [...parts, ...body, quoted(`${request.protocol}://${headers.host}${request.url}`)].join(' ');
}

function bodyArguments(body: unknown): string[] {
  if (body === undefined || body === null) return [];
  // What came as bytes is not for reading, unless it is short and plain text.
  const text = body instanceof Uint8Array ? Buffer.from(body).toString('utf8') : JSON.stringify(body);
  const isShown = !Array.isArray(body) && text.length <= SHOWN_CHARACTERS_MAX && !/[\p{Cc}\ufffd]/u.test(text);
  return isShown ? ['--data-raw', quoted(text)] : ['--data-binary', '@body.bin'];
}

function quoted(text: string): string {
  return /^[\w./:@=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
