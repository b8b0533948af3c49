/**
 * Who is connected, through every door of the server, as far as the caller may know.
 *
 * Always true: what is told is what the book of connections says at that moment; a server that keeps none says so. Added by
 * the server.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { Door, Routes } from '../door.ts';
import type { CheckedServerOptions } from '../server-options.ts';
import { ConnectionsAnswer, ok } from './answers.ts';

export function addConnectionRoutes(
  routes: Routes,
  door: Door,
  { connections, admission }: Pick<CheckedServerOptions, 'connections' | 'admission'>,
): void {
  const schema = { summary: 'Who is connected and subscribed', response: ok(ConnectionsAnswer) };
  routes.get('/connections', { schema }, async (request) => {
    if (connections === undefined) {
      throw new MqError('MQ_NOT_SUPPORTED', 'this server keeps no book of who is connected');
    }
    const caller = door.brokerOf(request);
    const seen = connections().filter((connection) => admission?.sees?.(caller, connection) ?? true);
    return { connections: seen.map((one) => ({ ...one, subscriptions: [...one.subscriptions] })) };
  });
}
