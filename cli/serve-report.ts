/**
 * What `mq serve --json` prints once it listens, one line: for programs that start a server and talk to it.
 */

/** How a start found the data folder. */
export interface OpeningReport {
  /** From the call to the broker that is ready, with all that had to be looked through. */
  readonly durationMs: number;
  /** What was cut, set aside or cannot be read, in words; empty after an orderly end. */
  readonly notices: readonly string[];
}

/** Where a server listens, and, of stage 4, where its data lies and how it was found. */
export interface ServeReport {
  readonly stage: number;
  readonly pid: number;
  readonly url: string;
  /** null: no TCP door. */
  readonly tcpUrl: string | null;
  /** null: that door was not asked for. */
  readonly stompUrl: string | null;
  readonly mqttUrl: string | null;
  readonly openwireUrl: string | null;
  /** Of stage 4; null where everything is in memory. */
  readonly dataFolder: string | null;
  readonly flushPolicy: string | null;
  readonly opening: OpeningReport | null;
}
