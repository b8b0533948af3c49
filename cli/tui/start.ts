/**
 * The way to the screen, kept light: what is heavy is loaded only when there is a terminal to draw on.
 *
 * Always true: React loads in its production build, and Ink without colours when NO_COLOR asks for none; the loader for
 * .tsx comes after React and Ink, so that it has only our own few files to look at, and not at all in the package,
 * which is compiled.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import type { Language } from '../../shared/lesson.ts';
import { say } from './messages.ts';

/** From this one on the broker runs in a process of its own, to be killed. */
const FIRST_CHILD_STAGE = 4;

export interface StartOptions {
  readonly language: Language;
  /** Opened at once; without it the user picks. */
  readonly stage?: number;
}

/** Resolves to the exit code when the user has left: 0, or 130 after Ctrl-C. Without a terminal it is 2. */
export async function startScreen(options: StartOptions): Promise<number> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    writeSync(process.stderr.fd, `${say(options.language, 'app.needsTerminal')}\n`);
    return 2;
  }
  process.env.NODE_ENV ??= 'production';
  if ((process.env.NO_COLOR ?? '') !== '') process.env.FORCE_COLOR = '0';
  await Promise.all([import('ink'), import('react/jsx-runtime'), import('@inkjs/ui'), import('@pppp606/ink-chart')]);
  const isSource = import.meta.url.endsWith('.ts');
  if (isSource) {
    const { register } = await import('tsx/esm/api');
    register();
  }
  const { runApp } = await import('./app.tsx');
  return runApp({ ...options, openStage });
}

async function openStage(...[stage, options]: Parameters<import('./running-stage.ts').OpenStage>) {
  const { openTarget, openConnectionsReader } = await import('../target.ts');
  const { signal, ...targetOptions } = options;
  if (stage < FIRST_CHILD_STAGE) return openTarget(String(stage), targetOptions);
  const { BrokerChild } = await import('./broker-child.ts');
  const child = await BrokerChild.open({ stage, openTarget, openConnectionsReader, signal });
  return { child, broker: child.broker, url: child.view.url, close: () => child.close() };
}
