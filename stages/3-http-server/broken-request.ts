/**
 * The answer to bytes that are no request: too slow, too long, ambiguous, or not HTTP at all. There is no route and no
 * reply yet, so the problem document is written straight to the socket.
 *
 * Always true: nothing is written where the answer to an earlier request belongs, and the connection ends, because nobody
 * knows where the next request would begin. Called by the listeners of `node-server.ts`.
 */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { MqError } from '../../shared/contract/errors.ts';
import { PROBLEM_TYPE, problemOf } from './problem.ts';

/** Ends the connection, with an answer when `mayAnswer`. */
export function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Duplex, mayAnswer: boolean): void {
  // What follows a request that said it is the last one is not read, and does not keep its answer from leaving.
  if (error.code === 'HPE_CLOSED_CONNECTION') return;
  refuse(socket, mayAnswer && error.code !== 'ECONNRESET' ? meaningOf(error) : undefined);
}

/** CONNECT asks for a tunnel to somewhere else, which this is not. */
export function refuseTunnel(socket: Duplex, mayAnswer: boolean): void {
  // From here on Node listens to nothing on this socket.
  socket.on('error', () => socket.destroy());
  refuse(socket, mayAnswer ? new MqError('MQ_INVALID_ARGUMENT', 'the target must be a path') : undefined);
}

function refuse(socket: Duplex, error: MqError | undefined): void {
  if (error === undefined || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  const lines = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

function meaningOf(error: NodeJS.ErrnoException): MqError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new MqError('MQ_REQUEST_TIMEOUT', 'the request took too long to arrive');
    case 'HPE_HEADER_OVERFLOW':
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new MqError('MQ_HEADERS_TOO_LARGE', 'the request line and headers are too long');
    default:
      return new MqError('MQ_INVALID_ARGUMENT', `this is not an HTTP/1.1 request (${error.code ?? 'no code'})`);
  }
}
