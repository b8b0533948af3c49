/**
 * The table of clients in the README keeps its word: every command of it, in every language, sends a message to one running
 * server, and all of them are there. A client that this machine does not have is left out, unless `MQ_PEERS=required`.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { BrokerProcess } from '../cli/broker-process.ts';

const ROOT = resolve(import.meta.dirname, '..');
const run = promisify(execFile);
const PROGRAMS = ['npx', 'curl', 'node', 'ruby', 'python3', 'mosquitto_pub'];

/** How a program says that it is there, with the library that its command needs. */
const PROBES: Readonly<Record<string, string>> = {
  curl: 'curl --help all | grep -q -- --json',
  ruby: `ruby -e "require 'stomp'"`,
  python3: 'python3 -c "import stomp"',
  mosquitto_pub: 'command -v mosquitto_pub',
};

/** The commands of a README that can be run as they stand. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| .* \| .* \| .* \| .* \|$/.test(line));
  const commands = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command));
  return commands.filter((command) => PROGRAMS.includes(command.split(' ')[0] ?? '') && command.includes('tea'));
}

/** As a shell runs it in a checkout, where `npx` finds what is installed, and `python3` the one that has the library. */
async function inShell(command: string): Promise<string> {
  const bin = join(ROOT, 'node_modules', '.bin');
  const env = {
    ...process.env,
    PATH: [bin, '/usr/bin', process.env.PATH].join(delimiter),
    MQ_TARGET: '',
    MQ_TOKEN: '',
  };
  const ours = command.replace(/^npx mq /, 'node cli/mq.js ').replace(/^npx /, '');
  return (await run('sh', ['-c', ours], { cwd: ROOT, env, timeout: 60_000 })).stdout;
}

async function isThere(program: string): Promise<boolean> {
  const probe = PROBES[program];
  if (probe === undefined) return true;
  return await inShell(probe).then(
    () => true,
    () => false,
  );
}

test('both READMEs have the same commands, of every program the table is about', () => {
  const commands = commandsOf('README.md');
  assert.ok(commands.length >= 8, commands.join('\n'));
  assert.deepEqual(commandsOf('README.zh-CN.md'), commands);
  for (const program of PROGRAMS)
    assert.ok(
      commands.some((command) => command.startsWith(`${program} `)),
      program,
    );
});

test('every command of the table sends its message', { skip: process.platform === 'win32' }, async (context) => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'stagemq-clients-'));
  const args = ['--stomp', '0', '--mqtt', '0', '--openwire', '0'];
  const server = await BrokerProcess.start({ stage: 5, dataFolder, flushPolicy: 'never', args });
  try {
    const { stompUrl, mqttUrl } = server.report;
    const here = (command: string): string =>
      command
        .replaceAll('127.0.0.1:6767', new URL(server.url).host)
        .replaceAll('61613', new URL(stompUrl ?? '').port)
        .replaceAll('1883', new URL(mqttUrl ?? '').port)
        .replace(/^npx mq .*/, (ours) => `${ours} --target ${server.url}`);
    const sent: string[] = [];
    for (const command of commandsOf('README.md')) {
      const [program = ''] = command.split(' ');
      if (await isThere(program)) {
        await inShell(here(command));
        sent.push(command);
      } else {
        assert.notEqual(process.env.MQ_PEERS, 'required', `${program} is missing, or its library is`);
        context.diagnostic(`not tried, for ${program} or its library is not here: ${command}`);
      }
    }
    // A client may be gone before what it sent is stored.
    const read = await inShell(`npx mq receive orders --max ${sent.length} --wait 5000 --target ${server.url}`);
    assert.equal(read, 'tea\n'.repeat(sent.length), sent.join('\n'));
  } finally {
    await server.kill();
    rmSync(dataFolder, { recursive: true, force: true, maxRetries: 5 });
  }
});
