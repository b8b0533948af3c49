#!/usr/bin/env node
/**
 * The command `mq`: the one file of this package that runs without being compiled, on whatever Node starts it.
 *
 *     Node >= 24.2 checkout (main.ts beside this file)  -> imports cli/main.ts, Node strips the types itself
 *                  package                              -> imports dist/cli/main.js
 *     older Node   the checkout's own Node is installed -> runs this file again under it
 *                  otherwise                            -> says what to install
 *
 * Always true: under Node >= 24.2 there is one process. A second process shares our terminal, gets the signals we get,
 * its exit code is ours (128 + n when signal n ended it), and it dies when we are killed: a channel between the two
 * closes then. The syntax here stays old enough for an old Node to read.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import { constants } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

/** Major and minor version: the first Node that strips types and knows `import.meta.main`. */
const NODE_MIN = [24, 2];
/** Where the devDependency `node` keeps its binary; node_modules/.bin has only a link or a script to it. */
const OWN_NODE = process.platform === 'win32' ? '../node_modules/node/bin/node.exe' : '../node_modules/node/bin/node';
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Set for the second process. cli/signals.ts reads it: a Ctrl-C reaches that one from the terminal and from us. */
const IS_CHILD = 'MQ_SIGNALS_ARE_FORWARDED';

const here = (path) => new URL(path, import.meta.url);

if (isNewEnough(process.versions.node)) {
  if (process.env[IS_CHILD] !== undefined) dieWithParent();
  module.enableCompileCache(); // from the second start on nothing is compiled again
  const entry = existsSync(here('./main.ts')) ? './main.ts' : '../dist/cli/main.js';
  void import(here(entry).href).then(({ runProcess }) => runProcess(process));
} else if (existsSync(here(OWN_NODE))) {
  runUnder(fileURLToPath(here(OWN_NODE)));
} else {
  console.error(`mq needs Node ${NODE_MIN.join('.')} or newer, and this is ${process.version}.`);
  console.error('In a checkout of StageMQ type: npm ci     (it brings the right Node along)');
  console.error('Anywhere else install Node from https://nodejs.org and type the command again.');
  process.exitCode = 1;
}

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > NODE_MIN[0] || (major === NODE_MIN[0] && minor >= NODE_MIN[1]);
}

function runUnder(node) {
  const child = spawn(node, process.argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'], // nothing is said on the channel: only its end counts
    env: Object.assign({}, process.env, { [IS_CHILD]: '1' }),
  });
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    console.error(`mq could not start ${node}: ${error.message}`);
    console.error('Type: npm ci     (it installs that Node again)');
    process.exitCode = 1;
  });
  child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]));
}

/** A kill -9 of the first process reaches this one as the end of the channel, and means the same: nothing more is done. */
function dieWithParent() {
  const die = () => process.kill(process.pid, 'SIGKILL');
  // Started from something mq started, a command inherits the variable, but no channel: it belongs to nobody.
  if (process.connected === undefined) return;
  if (!process.connected) die();
  process.on('disconnect', die);
  process.channel.unref(); // watching does not keep a finished command alive
}
