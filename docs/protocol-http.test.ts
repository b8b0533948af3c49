/**
 * The protocol page keeps its word: every example on it is run, in order, against two fresh servers, one of stage 3 and one
 * of stage 5, and must answer what the page shows. Once as curl runs it, and once translated for another HTTP client, so that it also holds where there
 * is no curl.
 *
 * What differs from run to run is bound at first sight: an id or lease token of the page stands for that of this run
 * wherever the page repeats it; times only have to be times.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { request } from 'undici';
import { ERRORS } from '../shared/contract/errors.ts';
import { createBroker } from '../stages/2-ring-buffer/index.ts';
import { createServer } from '../stages/3-http-server/index.ts';
import { createBroker as createRobustBroker } from '../stages/5-robust-broker/index.ts';

const PAGE = readFileSync(new URL('protocol-http.md', import.meta.url), 'utf8');
const PAGE_ORIGIN = 'http://127.0.0.1:6767';
/** Of the examples that need a broker with transactions. */
const PAGE_ORIGIN_5 = 'http://127.0.0.1:6775';
/** Members whose values differ from run to run: names and tokens are bound, times are only times. */
const BOUND = new Set(['id', 'ids', 'leaseToken', 'halfId']);
const TIMES = new Set(['timestamp', 'leaseExpiresAt']);

interface Example {
  readonly command: string;
  /** What the page shows below the command; empty where it shows nothing. */
  readonly shown: string;
}

/** Runs a curl command given as words; the raw answer with status line and headers, or what `-o` leaves of it. */
type Curl = (words: readonly string[], folder: string) => Promise<string>;

const examples: readonly Example[] = [...PAGE.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(([, block = '']) =>
  block
    .split(/^(?=\$ )/m)
    .filter((text) => text.startsWith('$ '))
    .map((text) => {
      const [first = '', ...rest] = text.split('\n');
      return { command: first.slice(2), shown: rest.join('\n').trim() };
    }),
);

test('the page has examples', () => {
  assert.ok(examples.length > 25);
  assert.ok(examples.every(({ command }) => /^(curl|cat|printf) /.test(command)));
});

test('every example of the page answers what the page shows, as curl runs it', async (context) => {
  const hasCurl = await run('curl', ['--version']).then(
    ({ stdout }) => /^curl (7\.(8[2-9]|9\d)|[89]|\d\d)/.test(stdout),
    () => false,
  );
  if (!hasCurl) return context.skip('there is no curl 7.82 or later, which has --json');
  await runPage(async (words, folder) => (await run('curl', ['-sS', ...words.slice(1)], { cwd: folder })).stdout);
});

test('every example of the page answers what the page shows, sent by another HTTP client', async () => {
  await runPage(sendLikeCurl);
});

test('the page lists every error a server answers, with its status, and no other', () => {
  const rows = [...PAGE.matchAll(/^\| (\d{3}) +\| `(MQ_\w+)` /gm)].map(([, status, code]) => [code, Number(status)]);
  const ofClients = ['MQ_ABORTED', 'MQ_UNREACHABLE', 'MQ_CONNECTION_LOST', 'MQ_TIMEOUT', 'MQ_PROTOCOL'];
  const nowhere = new Set([...ofClients, 'MQ_MISSING_DEPENDENCY']);
  const expected = Object.entries(ERRORS).filter(([code]) => !nowhere.has(code));
  assert.deepEqual(new Map(rows as [string, number][]), new Map(expected.map(([code, row]) => [code, row.httpStatus])));
  for (const code of ofClients) assert.ok(PAGE.includes(`\`${code}\``));
});

test('the page lists every route of a server, and no other', async () => {
  await using broker = await createBroker();
  await using server = await createServer(broker);
  const answer = await request(`${server.url}/openapi.json`);
  const { paths } = (await answer.body.json()) as { paths: Record<string, Record<string, unknown>> };
  const served = Object.entries(paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const rows = [...PAGE.matchAll(/^\| `((?:GET|PUT|POST|DELETE) [^`]+)` /gm)].map(([, route]) => route);
  assert.deepEqual(rows.toSorted(), served.toSorted());
});

const run = promisify(execFile);

async function runPage(curl: Curl): Promise<void> {
  await using broker = await createBroker();
  await using server = await createServer(broker);
  await using robust = await createRobustBroker();
  await using robustServer = await createServer(robust);
  const folder = mkdtempSync(join(tmpdir(), 'mq-page-'));
  const bound = new Map<string, string>();
  try {
    for (const example of examples) {
      const ofPage = inThisRun(example.command, bound);
      const command = ofPage.replaceAll(PAGE_ORIGIN, server.url).replaceAll(PAGE_ORIGIN_5, robustServer.url);
      const answer = await runCommand(command, folder, curl);
      if (example.shown !== '') compare(example, answer, bound);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function runCommand(command: string, folder: string, curl: Curl): Promise<string> {
  const words = shellWords(command);
  const [program, argument = '', arrow, target = ''] = words;
  if (program === 'cat') return readFileSync(join(folder, argument), 'utf8');
  if (program === 'curl') return curl(words, folder);
  assert.deepEqual([program, arrow], ['printf', '>']);
  const bytes = argument.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
  writeFileSync(join(folder, target), bytes, 'latin1');
  return '';
}

/** Words as a POSIX shell splits them: quotes group, and nothing else is special. */
function shellWords(command: string): string[] {
  return [...command.matchAll(/(?:'[^']*'|[^\s'])+/g)].map(([word]) => word.replaceAll(/'([^']*)'/g, '$1'));
}

function inThisRun(text: string, bound: ReadonlyMap<string, string>): string {
  let own = text;
  for (const [shown, actual] of bound)
    own = own.replaceAll(new RegExp(`${RegExp.escape(shown)}(?![\\w-])`, 'g'), actual);
  return own;
}

function compare({ command, shown }: Example, answer: string, bound: Map<string, string>): void {
  if (!shown.startsWith('HTTP/')) {
    compareBody(command, shown, answer, bound);
    return;
  }
  const [shownHead = '', ...shownBody] = shown.split('\n\n');
  const [head = '', ...body] = answer.split('\r\n\r\n');
  const [status, ...headers] = shownHead.split('\n');
  const lines = head.split('\r\n').map((line) => line.replace(/^[^:]*:/, (name) => name.toLowerCase()));
  assert.equal(head.split('\r\n')[0], status, command);
  for (const header of headers) assert.ok(lines.includes(header), `${command}\n  lacks "${header}":\n${head}`);
  if (shownBody.length === 0) assert.equal(body.join(''), '', command);
  else compareBody(command, shownBody.join('\n\n'), body.join('\r\n\r\n'), bound);
}

function compareBody(command: string, shown: string, answer: string, bound: Map<string, string>): void {
  const actual = JSON.parse(answer);
  shorten(JSON.parse(shown), actual);
  bind(JSON.parse(shown), actual, bound);
  const masked = (text: string): unknown =>
    JSON.parse(text, (name, value) => {
      if (name === 'version' && /^\d+\.\d+\.\d+/.test(value)) return 'a version';
      return TIMES.has(name) && value > 1.6e12 ? 'a time' : value;
    });
  assert.deepEqual(masked(JSON.stringify(actual)), masked(inThisRun(shown, bound)), command);
}

/** Puts the page's mark for something long in the place of what was answered there. */
function shorten(shown: Record<string, unknown>, actual: Record<string, unknown>): void {
  for (const [member, value] of Object.entries(shown)) if (value === '…' && member in actual) actual[member] = '…';
}

/** Remembers what a value of the page is called in this run. */
function bind(shown: unknown, actual: unknown, bound: Map<string, string>, name = ''): void {
  if (BOUND.has(name) && typeof shown === 'string' && typeof actual === 'string') {
    if (!bound.has(shown)) bound.set(shown, actual);
  } else if (typeof shown === 'object' && shown !== null && typeof actual === 'object' && actual !== null) {
    for (const [member, value] of Object.entries(shown)) {
      bind(value, (actual as Record<string, unknown>)[member], bound, Array.isArray(shown) ? name : member);
    }
  }
}

/** A curl command of the page, sent with another client. Knows exactly the options the page uses. */
async function sendLikeCurl(words: readonly string[], folder: string): Promise<string> {
  const headers: Record<string, string> = {};
  let [method, url, output, body]: (string | undefined)[] = [];
  let bytes: Buffer | undefined;
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const value = words[at + 1] ?? '';
    if (word.startsWith('http')) url = word;
    else if (word === '-i' || word === '-s') continue;
    else {
      at += 1;
      if (word === '-X') method = value;
      else if (word === '-o') output = value;
      else if (word === '-H') headers[value.split(':')[0] ?? ''] = value.replace(/^[^:]*: */, '');
      else if (word === '--json' || word === '--data-binary') {
        body = value;
        bytes = value.startsWith('@') ? readFileSync(join(folder, value.slice(1))) : Buffer.from(value);
        if (word === '--json') Object.assign(headers, { 'content-type': 'application/json' });
      } else assert.fail(`the page uses an option of curl that is not known here: ${word}`);
    }
  }
  assert.ok(url !== undefined);
  const answer = await request(url, {
    method: (method ?? (body === undefined ? 'GET' : 'POST')) as 'GET',
    headers,
    body: bytes ?? null,
  });
  const received = Buffer.from(await answer.body.arrayBuffer());
  if (output !== undefined) {
    writeFileSync(join(folder, output), received);
    return '';
  }
  const fields = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${answer.statusCode} ${answer.statusText}`, ...fields, '', received.toString('utf8')].join('\r\n');
}
