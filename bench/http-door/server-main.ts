/**
 * The server's process: one server, told by its first argument which, so that load and server never share a core's time
 * by accident, and so that the server's memory and CPU can be asked for alone.
 *
 *     parent --- 'usage' | 'memory' --->  this process
 *            <-- ready, usage, memory ---
 *
 * Started by `ServerProcess` only, with `--expose-gc`; ends when its parent does.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createServer } from '../../stages/3-http-server/index.ts';
import { collectGarbage } from '../race.ts';
import { createStage } from '../targets.ts';
import { startFloorServer } from './floor-server.ts';

/** What the parent is told; `kind` says which. */
export type ServerReport =
  | { readonly kind: 'ready'; readonly url: string }
  | { readonly kind: 'usage'; readonly usage: Usage }
  | { readonly kind: 'memory'; readonly memory: Memory };

/** Running totals of the process. */
export interface Usage {
  /** CPU time, user and system. */
  readonly cpuUs: number;
  /** Wall time. */
  readonly wallUs: number;
}

export interface Memory {
  /** Heap in use and buffers outside it, after garbage collection: what something still refers to. */
  readonly heldBytes: number;
  /** What the operating system counts; an allocator rarely gives it back at once. */
  readonly residentBytes: number;
}

/** Kinds of server this process can be. */
export type ServerKind = 'floor' | 'stage-1' | 'stage-2';

/** A parent that has gone is told nothing; `disconnect` then ends this process. */
function tell(report: ServerReport): void {
  process.send?.(report, () => {});
}

function readUsage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuUs: user + system, wallUs: performance.now() * 1000 };
}

/** Twice, with a turn of the event loop between: what a closed socket still holds is let go in its callback. */
async function readMemory(): Promise<Memory> {
  for (let count = 0; count < 2; count += 1) {
    await nextTurn();
    collectGarbage();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, residentBytes: rss };
}

async function startServer(kind: string | undefined): Promise<string> {
  if (kind === 'floor') return (await startFloorServer()).url;
  if (kind !== 'stage-1' && kind !== 'stage-2') throw new RangeError(`no such server: ${kind}`);
  const broker = await createStage(kind === 'stage-1' ? 1 : 2);
  return (await createServer(broker)).url;
}

process.on('message', async (question) => {
  if (question === 'usage') tell({ kind: 'usage', usage: readUsage() });
  if (question === 'memory') tell({ kind: 'memory', memory: await readMemory() });
});
process.on('disconnect', () => process.exit(0));
tell({ kind: 'ready', url: await startServer(process.argv[2]) });
