/**
 * A broker process under load, made to be killed: `KillWorker` starts it on a data folder, with a file as its standard
 * output, to which it writes every deed as a line of JSON; and a pipe as its third, on which it says that it is ready.
 *
 *     node kill-worker.ts <folder> <run> <seed> > deeds 3> pipe
 *
 * Always true: a line is in the file before the next thing is done, and the file outlives the process, so what is told is
 * what had happened. On SIGTERM it closes in order and ends with 0.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { SeededRandom } from '../../../shared/random.ts';
import { createBroker } from '../index.ts';
import { type Deed, prepare, runLoad } from './broker-load.ts';

const [folder = '', run = '', seed = '0'] = process.argv.slice(2);
const tell = (deed: Deed): void => void writeSync(1, `${JSON.stringify(deed)}\n`);

let goesOn = true;
const broker = await createBroker({ dataFolder: folder, segmentBytesMax: 32 * 1024, cacheBytesMax: 64 * 1024 });
process.once('SIGTERM', () => {
  goesOn = false;
  void broker.close({ timeoutMs: 5000 });
});
await prepare(broker);
writeSync(3, 'ready');
await runLoad(broker, {
  random: new SeededRandom(Number(seed)),
  tell,
  run,
  senderCount: 4,
  workerCount: 2,
  goesOn: () => goesOn,
  waitMs: 5,
  leaseMs: 100,
});
