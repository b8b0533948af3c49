/** Crowds at the TCP door, as its tests send them. */
import assert from 'node:assert/strict';
import type { Broker } from '../../../../../shared/contract/broker.ts';
import type { CrowdedDoor } from '../../../../3-http-server/testing/crowd.ts';
import { createTcpClient } from '../create-client.ts';
import { FRAME } from '../frame.ts';
import { writeHello } from '../handshake.ts';
import { createTcpServer } from '../server.ts';
import { framesOf, HELLO } from './stranger.ts';

const TALK = {
  greeting: framesOf((out) => writeHello(out, { ...HELLO, name: 'one of many' })),
  welcome: '"limits"',
  later: framesOf((out) => out.begin(FRAME.call, 1).bytesOf(Buffer.alloc(1000, ' ')).end()),
};

/** In front of `broker`; `timeoutMs` is that of a greeting, and of a frame. */
export async function openForCrowds(
  broker: Broker,
  { timeoutMs }: { readonly timeoutMs: number },
): Promise<CrowdedDoor & AsyncDisposable> {
  const defects: unknown[] = [];
  const server = await createTcpServer(broker, {
    ...{ handshakeTimeoutMs: timeoutMs, frameTimeoutMs: timeoutMs, heartbeatMs: timeoutMs },
    onDefect: (error) => void defects.push(error),
  });
  const client = await createTcpClient(server.url);
  const control = async (): Promise<void> => {
    await client.send('control', { body: 'x' });
    const [delivery] = await client.receive('control');
    assert.ok(delivery !== undefined);
    await client.ack([delivery]);
  };
  return {
    ...{ server, talk: () => TALK, defects, control },
    [Symbol.asyncDispose]: async () => {
      await client.close();
      await server.close({ timeoutMs: 0 });
    },
  };
}
