/**
 * Being asked to stop: the first SIGINT, SIGTERM or SIGHUP asks nicely, the second ends the process at once.
 *
 * Always true: one Ctrl-C counts once. When mq.js had to start a second process, that one gets a Ctrl-C twice, from the
 * terminal and passed on by mq.js; a repeat of the same signal within `ECHO_MS` is then that echo.
 */
import { constants } from 'node:os';
import process from 'node:process';
import { QuietEnd } from './exit.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof SIGNALS)[number];

const ECHO_MS = 100;

/** The exit code of a process that a signal ended. */
export function exitCodeOfSignal(signal: StopSignal): number {
  return 128 + constants.signals[signal];
}

/** Runs `work` until it ends or a signal asks it to; then its exit code is that of the signal. */
export async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const abort = new AbortController();
  let stoppedBy: StopSignal | undefined;
  using _ = onStopSignal((signal) => {
    stoppedBy = signal;
    abort.abort(signal);
  });
  await work(abort.signal);
  if (stoppedBy !== undefined) throw new QuietEnd(exitCodeOfSignal(stoppedBy));
}

/**
 * Calls `onStop` once, at the first signal. Dispose of it when the work is done. With `onHangUp` a SIGHUP is no wish to stop:
 * it is called instead, each time.
 */
export function onStopSignal(onStop: (signal: StopSignal) => void, onHangUp?: () => void): Disposable {
  const hasEchoes = process.env.MQ_SIGNALS_ARE_FORWARDED !== undefined;
  let first: { signal: StopSignal; atMs: number } | undefined;
  const onSignal = (signal: StopSignal): void => {
    const atMs = performance.now();
    if (first === undefined) {
      first = { signal, atMs };
      onStop(signal);
    } else if (!(hasEchoes && signal === first.signal && atMs - first.atMs < ECHO_MS)) {
      process.exit(exitCodeOfSignal(signal));
    }
  };
  const stopping = SIGNALS.filter((signal) => onHangUp === undefined || signal !== 'SIGHUP');
  for (const signal of stopping) process.on(signal, onSignal);
  if (onHangUp !== undefined) process.on('SIGHUP', onHangUp);
  return {
    [Symbol.dispose]: () => {
      for (const signal of stopping) process.off(signal, onSignal);
      if (onHangUp !== undefined) process.off('SIGHUP', onHangUp);
    },
  };
}
