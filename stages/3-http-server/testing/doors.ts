/** What the tests of this folder open again and again: a server in front of a ring, and JSON requests to it. */
import { request } from 'undici';
import type { BrokerOptions } from '../../../shared/broker-options.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { createServer, type HttpServer, type ServerOptions } from '../index.ts';
import { until } from './until.ts';

export interface OpenDoor extends AsyncDisposable {
  readonly broker: Broker;
  readonly server: HttpServer;
  readonly url: string;
}

export async function openDoor(options: ServerOptions = {}, brokerOptions: BrokerOptions = {}): Promise<OpenDoor> {
  const broker = await createBroker(brokerOptions);
  const server = await createServer(broker, options);
  return {
    broker,
    server,
    url: server.url,
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 });
      await broker.close();
    },
  };
}

export interface JsonAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  // The tests look into answers member by member, and a wrong guess fails them.
  readonly body: Record<string, unknown>;
}

/** Sends `body` as JSON (a string as it is) and reads the answer as JSON; an empty answer is `{}`. */
export async function ask(
  url: string,
  { method, body, headers = {} }: { method?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<JsonAnswer> {
  const answer = await request(url, {
    method: (method ?? (body === undefined ? 'GET' : 'POST')) as 'GET',
    headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
    body: body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await answer.body.text();
  return { status: answer.statusCode, headers: answer.headers, body: text === '' ? {} : JSON.parse(text) };
}

export async function untilWaiting(broker: Broker, topic: string, count: number): Promise<void> {
  await until(`${count} calls wait on ${topic}`, async () => {
    const topics = await broker.describeTopics();
    return (topics.find((described) => described.topic === topic)?.waiterCount ?? 0) === count;
  });
}
