import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCaptured } from './testing/captured-terminal.ts';

const COMMANDS = [
  ...['stage', 'limit', 'serve', 'send', 'receive', 'fetch', 'topics', 'groups', 'dlq', 'explain', 'inspect', 'verify'],
  ...['repair', 'test', 'bench', 'doctor', 'completion', 'user', 'connections'],
];
const SUBCOMMANDS = {
  topics: ['list', 'create', 'delete', 'describe', 'pause', 'resume'],
  groups: ['list', 'create', 'delete', 'describe', 'seek', 'pause', 'resume'],
  dlq: ['show', 'redrive', 'drop'],
  user: ['add', 'remove', 'list'],
};

/** A port nothing can listen on from outside: connecting to it is refused at once. */
const NOBODY = 'http://127.0.0.1:1';

test('--version prints the version of the package and nothing else', async () => {
  const ran = await runCaptured(['--version']);
  assert.match(ran.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(ran.exitCode, 0);
});

test('--help names every command', async () => {
  const { stdout, exitCode } = await runCaptured(['--help']);
  for (const name of COMMANDS) assert.match(stdout, new RegExp(`^ {2}${name} `, 'm'));
  assert.equal(exitCode, 0);
  assert.match((await runCaptured(['help', 'send'])).stdout, /^Usage: mq send .*Examples:/s);
});

test('every command and subcommand has --help with an example of itself, and --json', async () => {
  const lines = COMMANDS.map((name) => [name]);
  for (const [name, subcommands] of Object.entries(SUBCOMMANDS)) {
    lines.push(...subcommands.map((subcommand) => [name, subcommand]));
  }
  for (const words of lines) {
    const { stdout, exitCode } = await runCaptured([...words, '--help']);
    assert.equal(exitCode, 0, words.join(' '));
    assert.match(stdout, new RegExp(`Examples:\n {2}\\$ .*mq ${words[0]}`), words.join(' '));
    const isFamily = words.length === 1 && Object.hasOwn(SUBCOMMANDS, words[0] ?? '');
    if (!isFamily) assert.match(stdout, / --json /, words.join(' '));
    assert.match(stdout, /^Usage: .*\n\n[A-Z]/, words.join(' '));
    assert.doesNotMatch(stdout, /default: null/, words.join(' '));
  }
});

/** What is wrong, and what the message must name. */
const WRONG_USES: readonly (readonly [string, RegExp])[] = [
  ['snd', /no command "snd".*did you mean: mq send/s],
  ['--frobnicate', /unknown option '--frobnicate'/],
  ['--lang de', /--lang de.*en and zh/s],
  ['stage', /missing required argument 'stage'.*mq stage --help/s],
  ['stage two', /^mq: 'two' is invalid for <stage>. It takes the number of a stage/],
  ['stage 9', /no stage 9.*1, 2, 3/s],
  ['stage 1 2', /too many arguments/],
  ['stage 1 --lang klingon', /en and zh/],
  ['limit 0', /no stage 0/],
  ['serve', /missing required argument 'stage'/],
  ['serve 3 --port 70000', /--port.*0 to 65535/s],
  ['serve 3 --port -1', /--port/],
  ['serve 3 --port 1e3', /--port/],
  ['serve 3 --messages-max -5', /--messages-max.*at least 1/s],
  ['serve 3 --bytes-max 0', /--bytes-max.*at least 1/s],
  ['serve 3 --overflow spill', /--overflow.*wait, reject, drop-oldest/s],
  ['serve 1 --bytes-max 5', /--bytes-max needs the capability "offsets"/],
  ['serve 2 --partitions 2', /--partitions needs the capability "partitions"/],
  ['serve 2 --data ./d', /--data is for stage 4.*mq serve 4 --data/s],
  ['serve 3 --flush never', /--flush is for stage 4/],
  ['serve 4 --flush sometimes', /--flush.*always, interval, never/s],
  ['serve 4 --flush-interval 5', /--flush-interval goes with --flush interval/],
  ['serve 4 --flush interval --flush-interval 0', /--flush-interval.*at least 1/s],
  ['serve 4 --segment-bytes-max 5', /--segment-bytes-max.*at least 1024/s],
  ['serve 2 --segment-bytes-max 4096', /--segment-bytes-max is for stage 4/],
  ['serve 3 --codec zstd', /--codec is for stage 4/],
  ['serve 4 --codec lz4', /--codec.*gzip, zstd/s],
  ['send t --codec zstd', /--codec compresses messages before they leave.*mq:\/\//s],
  ['serve 4 --tcp-port 65536', /--tcp-port.*0 to 65535/s],
  ['serve 2 --ttl 5', /--ttl needs the capability "ttl"/],
  ['serve 3 --retention 5', /--retention needs the capability "durable"/],
  ['serve 3 --host no.such.host.invalid', /--host no\.such\.host\.invalid is no address/],
  ['serve 3 --token \xe9', /--token must be/],
  ['serve 3 --prot 80', /unknown option '--prot'.*--port/s],
  ['send', /missing required argument 'topic'.*mq send --help/s],
  ['send t --header color', /--header.*name=value/s],
  ['send t --message a --raw', /--raw.*--message/s],
  ['send t --target 2', /stage 2 is no server.*mq serve 2/s],
  ['send t --delay -1', /--delay.*at least 0/s],
  ['send t --at tomorrow', /--at.*such as 2026-/s],
  ['send t --delay 5 --at 2026-11-20T08:00:00Z', /--delay and --at/],
  ['send t --ttl 0', /--ttl.*at least 1/s],
  ['send t --priority 10', /--priority.*0 to 9/s],
  ['receive t --ack retry', /--ack retry.*--max 1/s],
  ['receive t --delay 5', /--delay.*--ack retry or --ack return/s],
  ['receive t --ack return --max 1 --reason x', /--reason.*--ack retry or --ack reject/s],
  ['receive t --target 3', /stage 3 is no server.*mq serve 3/s],
  ['receive t --max 0', /--max.*at least 1/s],
  ['receive t --wait soon', /--wait.*whole number/s],
  ['receive t --ack maybe', /--ack.*printed, none/s],
  ['fetch t --offset middle', /--offset.*It takes earliest, latest or an offset\.\n/s],
  ['fetch t --offset 3 --group g', /--offset does not go with --group/],
  ['fetch t --target ftp://host', /stage number or a url.*ftp/s],
  ['topics frobnicate', /mq topics has no "frobnicate".*mq topics describe frobnicate/s],
  ['topics creat t', /has no "creat".*mq topics create/s],
  ['user ad x', /mq user has no "ad".*mq user add/s],
  ['groups lines frobnicate', /mq groups has no "lines".*mq groups describe lines frobnicate/s],
  ['groups sek t g 0', /has no "sek".*mq groups seek/s],
  ['topics create', /missing required argument 'topic'.*type: mq topics create --help/s],
  ['topics create t --partitions 0', /--partitions/],
  ['groups create t', /missing required argument 'group'/],
  ['groups create t g --on-out-of-range panic', /--on-out-of-range/],
  ['groups seek t g', /missing required argument 'to'.*type: mq groups seek --help/s],
  ['groups create t g --start tomorrow', /--start.*earliest, latest, an offset, or a time/s],
  ['groups create t g --retry-delays soon', /--retry-delays.*1000\.\.60000/s],
  ['groups create t g --retry-delays 100..50', /--retry-delays.*1000\.\.60000/s],
  ['receive t --ack none --lease 500', /--ack none.*--max 1/s],
  ['bench 1 --quick --long', /--quick and --long together/],
  ['groups create t g --deliveries-max -1', /--deliveries-max.*at least 0/s],
  ['topics create t --ttl 0', /--ttl.*at least 1/s],
  ['topics paus t', /has no "paus".*mq topics pause/s],
  ['dlq sho t', /unknown command 'sho'.*show/s],
  ['dlq drop t', /mq dlq drop deletes for good.*--all/s],
  ['dlq show t --max 0', /--max.*at least 1/s],
  ['explain', /missing required argument 'id'/],
  ['inspect', /missing required argument 'what'/],
  ['inspect package.json', /package\.json is no file of a log/],
  ['inspect ./no-such-folder', /there is no \.\/no-such-folder/],
  ['inspect p0/00000000000000000000.log', /there is no p0\//],
  ['inspect t --hex some', /--hex.*head, all, none/s],
  ['verify', /missing required argument 'folder'/],
  ['verify ./no-such-folder', /there is no folder \.\/no-such-folder/],
  ['verify package.json', /this is no folder: package\.json/],
  ['repair ./no-such-folder --skip', /there is no folder/],
  ['topics --target mq://', /stage number or a url.*mq:/s],
  ['topics --target mq://127.0.0.1:1/orders', /an address of TCP ends with its port/],
  ['groups seek t g yesterday', /earliest, latest, an offset/],
  ['test 7', /no stage 7/],
  ['test 1 --seed minus', /--seed/],
  ['bench 1 nowhere', /stage number or a url.*nowhere/s],
  ['doctor everything', /too many arguments/],
  ['completion tcsh', /bash, zsh, fish/],
];

test('wrong use exits 2, says what is wrong on standard error, and prints nothing else', async () => {
  for (const [line, message] of WRONG_USES) {
    const { exitCode, stdout, stderr } = await runCaptured(line.split(' '), { env: { MQ_TARGET: NOBODY } });
    assert.equal(exitCode, 2, `mq ${line}: ${stderr}`);
    assert.match(stderr, message, `mq ${line}`);
    assert.match(stderr, /^mq: /, `mq ${line}`);
    assert.doesNotMatch(stderr, /\n +at /, `mq ${line} shows a stack`);
    assert.equal(stdout, '', `mq ${line}`);
  }
});

test('a url with a password in it is refused, and the password is not repeated', async () => {
  const { exitCode, stderr } = await runCaptured(['topics', '--target', 'http://me:geheim@127.0.0.1:1']);
  assert.equal(exitCode, 2);
  assert.doesNotMatch(stderr, /geheim/);
});

test('a server that cannot be reached exits 3 and says how to start one', async () => {
  for (const line of [
    'send t -m x',
    'receive t',
    'fetch t',
    'topics',
    'groups',
    'topics create t',
    'groups delete t g',
    'topics pause t',
    'groups resume t g',
    'dlq show t',
    'dlq redrive t',
    'explain x',
    'inspect no-such-file',
  ]) {
    for (const nobody of [NOBODY, NOBODY.replace('http:', 'mq:')]) {
      const { exitCode, stderr } = await runCaptured([...line.split(' '), '--target', nobody, '--token', 'geheim']);
      assert.equal(exitCode, 3, `mq ${line}: ${stderr}`);
      assert.match(stderr, /mq serve 3, for mq:\/\/ 4/, `mq ${line}`);
      assert.doesNotMatch(stderr, /geheim/, `mq ${line}`);
    }
  }
  assert.equal((await runCaptured(['test'], { env: { MQ_TARGET: NOBODY } })).exitCode, 3);
});

test('what a name does to a terminal is written out in an error', async () => {
  const { stderr } = await runCaptured(['\x1b[2Jbad\r\nname']);
  assert.match(stderr, /\\x1b\[2Jbad\\r\\nname/);
  assert.match((await runCaptured(['send', 't', '--\x1b[2J'])).stderr, /unknown option '--\\x1b\[2J'/);
});
