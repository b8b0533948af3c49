/**
 * Started by `npm run`, the command has a shell between itself and npm. A signal sent to npm ends that shell without
 * reaching the command, and a kill -9 of npm reaches neither of them. So a command npm started takes the end of the
 * shell, or of npm, for the signal it never got.
 *
 *     npm run mq  ->  sh -c "node cli/mq.js ..."  ->  node cli/mq.js     (some shells become node: then npm is the parent)
 *
 * Always true: not started by npm, it watches nothing (a server may outlive the shell it was started from); watching
 * alone does not keep the process alive. Only commands that may run for long need it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import process from 'node:process';
import { exitCodeOfSignal } from './signals.ts';

/** How often it looks: a parent's end has no event. */
const LOOK_MS = 100;
/** What npm's `script-shell` may be called. */
const SHELL = /^-?(?:sh|ash|bash|dash|ksh|zsh|busybox)$/;

/** Calls `onGone` once, when npm or its shell has ended. Dispose of it when the work is done. */
export function onNpmGone(onGone: () => void): Disposable {
  if (process.env.npm_lifecycle_event === undefined) return { [Symbol.dispose]: () => undefined };
  const { ppid } = process;
  const npm = npmAbove(ppid);
  const watch = setInterval(() => {
    if (process.ppid === ppid && (npm === undefined || isAlive(npm))) return;
    clearInterval(watch);
    onGone();
  }, LOOK_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(watch) };
}

/** Ends this process as abruptly as a signal would, when npm or its shell has ended: what is not acknowledged stays so. */
export function endWithNpm(): Disposable {
  return onNpmGone(() => process.exit(exitCodeOfSignal('SIGTERM')));
}

/** The process id of npm when `parent` is its shell; undefined when there is no shell between. */
function npmAbove(parent: number): number | undefined {
  const seen = processInfo(parent);
  return seen !== undefined && SHELL.test(seen.name) && seen.parent > 1 ? seen.parent : undefined;
}

interface ProcessInfo {
  readonly name: string;
  readonly parent: number;
}

/** From /proc where there is one, else from ps; undefined when neither knows (Windows has no orphans to look for). */
function processInfo(pid: number): ProcessInfo | undefined {
  if (process.platform === 'win32') return undefined;
  const file = `/proc/${pid}/stat`;
  const [, name, parent] = existsSync(file)
    ? (/^\d+ \((.*)\) \S (\d+)/s.exec(readFileSync(file, 'utf8')) ?? [])
    : (/^(.+?)\s+(\d+)\s*$/s.exec(
        spawnSync('ps', ['-o', 'comm=,ppid=', '-p', `${pid}`], { encoding: 'utf8' }).stdout ?? '',
      ) ?? []);
  return name === undefined ? undefined : { name: basename(name), parent: Number(parent) };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    // Somebody else's process is alive too.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
