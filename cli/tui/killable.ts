/** A broker in a process of its own, as the screen sees it: what is known of it, and what can be done to it. */
import type { ConnectionDescription } from '../../shared/contract/connections.ts';

export type FlushPolicy = 'always' | 'interval' | 'never';

export const FLUSH_POLICIES: readonly FlushPolicy[] = ['always', 'interval', 'never'];

/** What a pane shows of the process. Never changed, only replaced. */
export interface ProcessView {
  /** `ending`: told to, and nobody is served any more; `dead`: killed, or gone by itself. */
  readonly state: 'running' | 'ending' | 'dead' | 'starting';
  /** Of the one that runs, or the last that did. */
  readonly pid: number;
  readonly url: string;
  readonly dataFolder: string;
  readonly flushPolicy: FlushPolicy;
  /** Processes so far. */
  readonly lifeCount: number;
  /** From its start until it listened: Node, recovery and all. */
  readonly startMs: number;
  /** Of that, what the broker took to open its data. */
  readonly openingMs: number;
  /** What it said about the data it found. */
  readonly notices: readonly string[];
  readonly doors: DoorsView;
}

/** Who may come, and who is there. */
export interface DoorsView {
  /** Where the broker listens for the protocols of others: `STOMP`, `stomp://127.0.0.1:61613`. */
  readonly places: readonly { readonly title: string; readonly url: string }[];
  /** Through every door, as they were at the last look. */
  readonly connections: readonly ConnectionDescription[];
}

export interface Killable {
  readonly view: ProcessView;
  /** Sees who is connected. Never rejects; of a process that is gone nothing is seen. */
  lookAtDoors(): Promise<void>;
  /** kill -9. Resolves when it is gone. */
  kill(): Promise<void>;
  /** The next process, on the same data. Resolves when it answers. */
  start(): Promise<void>;
  /** The next one, after this one ended in good order; with another answer to "when is it synced". */
  restartWith(flushPolicy: FlushPolicy): Promise<void>;
}
