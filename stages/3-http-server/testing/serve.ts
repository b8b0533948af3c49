/** A server as a process of its own: prints its url, and for each line it reads the CPU time it has used, in µs. */
import { createInterface } from 'node:readline';
import { createBroker } from '../../2-ring-buffer/index.ts';
import { createServer } from '../index.ts';

const server = await createServer(await createBroker());
console.log(server.url);
createInterface({ input: process.stdin }).on('line', () => {
  const { user, system } = process.cpuUsage();
  console.log(user + system);
});
