/**
 * What `mq serve --json` prints once it listens, one line: for programs that start a server and talk to it.
 */

/** Something a start found in the data folder and dealt with. */
export interface RecoveryFinding {
  readonly topic?: string;
  readonly file: string;
  /** In the file, bytes. */
  readonly position: number;
  readonly fromOffset: number;
  /** Excluded. */
  readonly toOffset: number;
  readonly reason: string;
}

/** How a start found the data folder. */
export interface RecoveryReport {
  /** True: closed in order, nothing had to be looked through. */
  readonly wasClean: boolean;
  readonly durationMs: number;
  readonly topicCount: number;
  readonly findings: readonly RecoveryFinding[];
}

/** Where a server listens, and, of stage 4, where its data lies and how it was found. */
export interface ServeReport {
  readonly stage: number;
  readonly pid: number;
  readonly url: string;
  /** Stage 4. */
  readonly tcpUrl?: string;
  readonly dataFolder?: string;
  readonly flushPolicy?: string;
  readonly recovery?: RecoveryReport;
}
