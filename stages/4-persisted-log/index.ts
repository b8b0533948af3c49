/**
 * Stage 4, persisted log: what `stagemq/stages/4` exports.
 *
 *     const broker = await createBroker({ dataFolder: './data' });
 *     await broker.send('orders', { body: 'tea' });                          // resolves when it is on the disk
 *     const [delivery] = await broker.receive('orders', { group: 'kitchen', waitMs: 1000 });
 *     if (delivery !== undefined) await broker.ack([delivery]);
 *
 *     const server = await createTcpServer(broker, { port: 6768 });          // any Broker, behind a TCP port
 *     const client = await createTcpClient('mq://127.0.0.1:6768');           // the same Broker, from another process
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from '../../shared/contract/broker.ts';
import { checkRandom } from '../../shared/random.ts';
import { RealDisk } from '../../shared/real-disk.ts';
import { PersistedLogBroker } from './broker.ts';
import { openParts } from './broker-parts.ts';
import { FewFiles } from './log/few-files.ts';
import { checkLogOptions, type LogBrokerOptions } from './log-broker-options.ts';

export { createTcpClient, type TcpBroker, type TcpClientOptions } from './doors/tcp/create-client.ts';
export type { ConnectionState } from './doors/tcp/link.ts';
export { createTcpServer, type TcpServer } from './doors/tcp/server.ts';
export type { TcpServerOptions } from './doors/tcp/server-options.ts';
export type { LogBrokerOptions } from './log-broker-options.ts';
export { DELAY_LEVELS_MS } from './message-options.ts';

/** Files open at a time, however many logs there are: systems allow 1,024 unless asked, and sockets are files too. */
const OPEN_FILES_MAX = 512;

/**
 * A broker in this process on `dataFolder`; without one on a temporary folder that `close` removes. Rejects with
 * `MQ_INVALID_ARGUMENT` for options it cannot honour, `MQ_DATA_LOCKED` when another process works in the folder,
 * `MQ_DATA_VERSION` when the folder is not one this version knows, and `MQ_STORAGE_FAILED` when the disk does.
 */
export async function createBroker(options: LogBrokerOptions = {}): Promise<Broker> {
  const { own, base } = checkLogOptions(options);
  const disk = own.disk ?? new FewFiles(new RealDisk(), { openFilesMax: OPEN_FILES_MAX });
  const isTemporary = own.dataFolder === undefined;
  const random = checkRandom('options.random', base.random);
  const dataFolder = own.dataFolder ?? join(tmpdir(), `stagemq-${random.hex(8)}`);
  const onClosed = async (): Promise<void> => {
    if (isTemporary) await disk.removeFolder(dataFolder);
  };
  return new PersistedLogBroker(await openParts({ base, own, disk, dataFolder, onClosed }));
}
