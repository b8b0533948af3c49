/** A server that is not ours, and answers as a test says: with rubbish, late, or not at all. */
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { LIMITS } from '../../../shared/contract/limits.ts';

export interface Stranger extends AsyncDisposable {
  readonly url: string;
}

export async function openStranger(listener: RequestListener): Promise<Stranger> {
  // Half-closed connections stay open, so that a test can answer on one.
  const server = Object.assign(createServer(listener), { httpAllowHalfOpen: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const ABOUT = {
  name: 'x',
  version: '0',
  protocolVersion: 1,
  capabilities: ['send', 'receive', 'batch', 'offsets', 'groups', 'lease', 'browse'],
  limits: LIMITS,
};

/** Answers `GET /broker` as a server of ours, and hands every other request on once all of it has come. */
export function introducing(listener: RequestListener): RequestListener {
  return (request, response) => {
    if (request.url === '/broker') answerJson(response, ABOUT);
    else if (request.method === 'GET' || request.method === 'DELETE') listener(request, response);
    else request.resume().on('end', () => listener(request, response));
  };
}

export function answerJson(response: ServerResponse, body: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(body));
}
