/** Whether a server on this machine would find a port free. */
import { createServer } from 'node:net';

/** Of loopback. Nobody keeps it free: another program may have it a moment later. */
export async function isFree(port: number): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1' }, () => probe.close(() => resolve(true)));
  });
}
