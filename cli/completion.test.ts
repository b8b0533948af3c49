import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { runCaptured } from './testing/captured-terminal.ts';

async function scriptFor(shell: string): Promise<string> {
  const { stdout, exitCode } = await runCaptured(['completion', shell]);
  assert.equal(exitCode, 0);
  return stdout;
}

test('bash completes commands, subcommands, options and stages', async (context) => {
  const script = await scriptFor('bash');
  const complete = (...words: string[]): string[] | undefined => {
    const typed = ['mq', ...words].map((word) => `'${word}'`).join(' ');
    const probe = `${script}\nCOMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _mq; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const ran = spawnSync('bash', ['--norc', '-c', probe], { encoding: 'utf8' });
    return ran.error === undefined ? ran.stdout.trim().split('\n') : undefined;
  };
  const commands = complete('s');
  if (commands === undefined) return context.skip('there is no bash on this machine');
  assert.deepEqual(commands, ['stage', 'serve', 'send']);
  assert.deepEqual(complete('stage', '')?.slice(0, 3), ['1', '2', '3']);
  assert.deepEqual(complete('topics', 'cr'), ['create']);
  assert.deepEqual(complete('dlq', 're'), ['redrive']);
  assert.deepEqual(complete('serve', '4', '--flush', ''), ['always', 'interval', 'never']);
  assert.deepEqual(complete('topics', 'create', 't', '--over'), ['--overflow']);
  assert.deepEqual(complete('send', 't', '--tok'), ['--token']);
  assert.deepEqual(complete('serve', '3', '--overflow', ''), ['wait', 'reject', 'drop-oldest']);
  assert.deepEqual(complete('topics', 'create', 't', '--overflow', 'r'), ['reject']);
  assert.deepEqual(complete('receive', 't', '--ack', 're'), ['retry', 'return', 'reject']);
  assert.deepEqual(complete('serve', '--port', ''), [''], 'any value: no stage is offered');
  assert.deepEqual(complete('send', '-m', ''), ['']);
});

test('every script knows every command, and zsh keeps its search path', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await scriptFor(shell);
    for (const word of ['receive', 'doctor', 'seek', 'redrive', 'verify', 'completion'])
      assert.match(script, new RegExp(`\\b${word}\\b`));
  }
  assert.doesNotMatch(await scriptFor('zsh'), /\bpath=/);
});

test('--json carries the script as a string', async () => {
  const { stdout } = await runCaptured(['completion', 'fish', '--json']);
  const { shell, script } = JSON.parse(stdout);
  assert.equal(shell, 'fish');
  assert.equal(script, await scriptFor('fish'));
});
