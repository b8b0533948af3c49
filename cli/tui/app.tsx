/**
 * Puts the screen on the terminal and takes it off again, whatever happens.
 *
 * Always true: when `runApp` settles, the terminal is as it was (cooked mode, cursor, main screen) and the stage is
 * closed; it resolves with the exit code, or rejects with the defect that ended the screen.
 */
import { render } from 'ink';
import type { Language } from '../../shared/lesson.ts';
import { exitCodeOfSignal, onStopSignal } from '../signals.ts';
import type { OpenStage } from './running-stage.ts';
import { Screen } from './screen.tsx';
import { Session } from './session.ts';

const FRAMES_PER_SECOND_MAX = 60;
/** Closing waits so long for a stage that does not end; the process ends all the same. */
const CLOSE_MS_MAX = 1000;

export interface AppOptions {
  readonly language: Language;
  /** Opened at once; without it the picker is shown. */
  readonly stage?: number;
  readonly openStage: OpenStage;
}

export async function runApp(options: AppOptions): Promise<number> {
  const ended = Promise.withResolvers<number>();
  const fault = (error: unknown): void => ended.reject(error);
  const { language, openStage } = options;
  const session = new Session({ language, openStage, onQuit: () => ended.resolve(0), onFault: fault });
  using _signals = onStopSignal((signal) => ended.resolve(exitCodeOfSignal(signal)));
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
  const screen = render(<Screen session={session} onInterrupt={() => ended.resolve(exitCodeOfSignal('SIGINT'))} />, {
    // start.ts has seen the terminal; an environment that looks like CI does not make it less of one.
    interactive: true,
    alternateScreen: true,
    incrementalRendering: true,
    maxFps: FRAMES_PER_SECOND_MAX,
    exitOnCtrlC: false,
  });
  // Ink takes itself down when a component throws.
  screen.waitUntilExit().catch(fault);
  if (options.stage !== undefined) session.openStage(options.stage);
  try {
    return await ended.promise;
  } finally {
    screen.unmount();
    await screen.waitUntilExit().catch(() => undefined);
    await settledWithin(session.close(), CLOSE_MS_MAX);
    process.off('uncaughtException', fault);
    process.off('unhandledRejection', fault);
  }
}

/** Resolves when `work` has settled, at the latest after `ms`. */
function settledWithin(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
