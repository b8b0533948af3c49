/**
 * Started by `npm run`, the command has a shell between itself and npm, and a signal sent to npm ends that shell without
 * reaching the command. So a command npm started takes the end of its parent for the signal it never got.
 *
 * Always true: not started by npm, it watches nothing (a server may outlive the shell it was started from); watching
 * alone does not keep the process alive. Only long-running commands need it.
 */
import process from 'node:process';

/** How often it looks: a parent's end has no event. */
const LOOK_MS = 250;

/** Calls `onGone` once, when the parent has ended. Dispose of it when the work is done. */
export function onNpmGone(onGone: () => void): Disposable {
  const parent = process.ppid;
  const isNpmChild = process.env.npm_lifecycle_event !== undefined;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    onGone();
  }, LOOK_MS).unref();
  if (!isNpmChild) clearInterval(watch);
  return { [Symbol.dispose]: () => clearInterval(watch) };
}
