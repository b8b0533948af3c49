/**
 * `mq doctor`: what this machine has and lacks for each part of StageMQ, each finding with what to type.
 * Exit code 1 only when something that is always needed is missing, or a stranger answers where our server would; a
 * server that does not run is no illness.
 */
import { once } from 'node:events';
import { get as getPlainly, type IncomingMessage } from 'node:http';
import { get as getOverTls } from 'node:https';
import { availableParallelism, totalmem } from 'node:os';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { isMqError, type MqError } from '../../shared/contract/errors.ts';
import type { Health } from '../../shared/contract/health.ts';
import { EXIT, QuietEnd } from '../exit.ts';
import { isFree } from '../free-port.ts';
import { hintFor } from '../hints.ts';
import { addExamples, addJsonOption, addTargetOptions, type TargetOptions } from '../options.ts';
import { openTarget } from '../target.ts';
import { accessTo, type TargetAccess } from '../target-access.ts';
import { DEFAULT_PORT, DEFAULT_TCP_PORT, DEFAULT_URL, defaultTarget, isOverTcp, PROTOCOLS } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from '../text.ts';

const NODE_MAJOR_MIN = 24;
const SCREEN_COLUMNS_MIN = 80;
const SCREEN_ROWS_MIN = 24;
/** A StageMQ server that answers at all answers within this. */
const ANSWER_MS_MAX = 3000;
/** Needed by `mq bench` (load, charts, queues to compare with), and by nothing else. */
const BENCH_PACKAGES = ['async', 'autocannon', 'denque', 'fastq', 'p-queue', 'vega', 'vega-lite'];

type Verdict = 'ok' | 'note' | 'bad';

interface Finding {
  readonly verdict: Verdict;
  readonly what: string;
  readonly found: string;
  /** What to type, when there is something to do. */
  readonly advice?: string | undefined;
}

const COLORS = { ok: 'green', note: 'yellow', bad: 'red' } as const;

export function define(command: Command, terminal: Terminal): void {
  addJsonOption(addTargetOptions(command), 'the findings');
  addExamples(command, 'mq doctor', `mq doctor --target ${DEFAULT_URL}`);
  command.action(async (options: TargetOptions & { json?: boolean }) => {
    const findings = [
      nodeFinding(),
      machineFinding(),
      screenFinding(terminal),
      benchFinding(),
      await portFinding(DEFAULT_PORT, 'mq serve 3 --port 0'),
      await portFinding(DEFAULT_TCP_PORT, 'mq serve 4 --tcp-port 0'),
      ...(await protocolPortFindings()),
      ...(await serverFindings(terminal, options)),
    ];
    if (options.json) await terminal.printJson(findings);
    else for (const finding of findings) await terminal.print(...linesOf(terminal, finding));
    if (findings.some(({ verdict }) => verdict === 'bad')) throw new QuietEnd(EXIT.failed);
  });
}

function linesOf(terminal: Terminal, { verdict, what, found, advice }: Finding): string[] {
  const line = `${terminal.paint(COLORS[verdict], verdict.padEnd(4))}  ${what.padEnd(10)}  ${printable(found)}`;
  return advice === undefined ? [line] : [line, `                  ${advice}`];
}

function nodeFinding(): Finding {
  const isNewEnough = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;
  const finding = { what: 'node', found: `${process.version} on ${process.platform} ${process.arch}` };
  if (isNewEnough) return { verdict: 'ok', ...finding };
  return { verdict: 'bad', ...finding, advice: `install Node ${NODE_MAJOR_MIN} or newer: https://nodejs.org` };
}

function machineFinding(): Finding {
  const gibibytes = (totalmem() / 2 ** 30).toFixed(1);
  return { verdict: 'ok', what: 'machine', found: `${availableParallelism()} cores, ${gibibytes} GiB of memory` };
}

function screenFinding(terminal: Terminal): Finding {
  const { columns = 0, rows = 0, isTTY } = terminal.stdout;
  if (!terminal.isInteractive || isTTY !== true) {
    return { verdict: 'note', what: 'screen', found: 'no terminal here: mq tells stories as plain lines' };
  }
  const found = `a terminal of ${columns} by ${rows}`;
  if (columns >= SCREEN_COLUMNS_MIN && rows >= SCREEN_ROWS_MIN) return { verdict: 'ok', what: 'screen', found };
  const advice = `make the window at least ${SCREEN_COLUMNS_MIN} by ${SCREEN_ROWS_MIN}`;
  return { verdict: 'note', what: 'screen', found, advice };
}

function benchFinding(): Finding {
  const missing = BENCH_PACKAGES.filter((name) => !isInstalled(name));
  const what = 'bench';
  if (missing.length === 0) return { verdict: 'ok', what, found: 'has all the packages it compares and draws with' };
  const found = `mq bench lacks ${missing.join(', ')}; nothing else needs them`;
  return { verdict: 'note', what, found, advice: `npm install --save-dev ${missing.join(' ')}` };
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

/** Whether `mq serve` would find a port of its own free. */
async function portFinding(port: number, advice: string, of?: string): Promise<Finding> {
  const what = `port ${port}`;
  const door = of === undefined ? '' : `, for ${of}`;
  if (await isFree(port)) return { verdict: 'ok', what, found: `free${door}` };
  return { verdict: 'note', what, found: `taken: by a running mq serve?${door}`, advice };
}

/** Where clients of other protocols look for a server. */
function protocolPortFindings(): Promise<Finding[]> {
  return Promise.all(PROTOCOLS.map(({ name, title, port }) => portFinding(port, `mq serve 5 --${name} 0`, title)));
}

async function serverFindings(terminal: Terminal, options: TargetOptions): Promise<readonly Finding[]> {
  const target = options.target ?? defaultTarget(terminal.env);
  const access = await accessTo([target], terminal, options);
  const what = 'server';
  try {
    const opened = await openTarget(target, { access, answerMsMax: ANSWER_MS_MAX });
    const { broker, name, url } = opened;
    const found = `${name} answers: ${broker.name}, ${[...broker.capabilities].join(' ')}`;
    await opened.close();
    const hasReadiness = url !== null && !isOverTcp(url);
    return [{ verdict: 'ok', what, found }, ...(hasReadiness ? await readinessFindings(url, access) : [])];
  } catch (error) {
    if (!isMqError(error)) throw error;
    return [{ what, ...diagnosis(target, error) }];
  }
}

/** Whether a server takes messages, in its own words; only over HTTP, and only of one that can say. */
async function readinessFindings(target: string, { tls }: TargetAccess): Promise<readonly Finding[]> {
  const what = 'ready';
  try {
    const { findings } = JSON.parse(await textAt(new URL('/readyz', target), tls)) as Partial<Health>;
    if (!Array.isArray(findings)) return [];
    if (findings.length === 0) return [{ verdict: 'ok', what, found: 'it takes messages' }];
    return findings.map(({ text: found, isBlocking }) => ({ verdict: isBlocking ? 'bad' : 'note', what, found }));
  } catch (error) {
    return [{ verdict: 'note', what, found: `it does not say whether it takes messages: ${String(error)}` }];
  }
}

/** `fetch` trusts nobody whom Node does not trust. */
async function textAt(url: URL, tls: TargetAccess['tls']): Promise<string> {
  const get = url.protocol === 'https:' ? getOverTls : getPlainly;
  const request = get(url, { ...tls, signal: AbortSignal.timeout(ANSWER_MS_MAX) });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return await text(answer);
}

/** What keeps `target` from being our server, and what to do about it. */
function diagnosis(target: string, { code, message }: MqError): Omit<Finding, 'what'> {
  const found = `${target}: ${message}`;
  const elsewhere = 'take another port: mq serve 3 --port 0     (and name it with --target)';
  switch (code) {
    case 'MQ_PROTOCOL':
      return { verdict: 'bad', found: `${target}: something else is listening there (${message})`, advice: elsewhere };
    case 'MQ_TIMEOUT':
    case 'MQ_CONNECTION_LOST': {
      const silent = `${target}: something is listening there, but does not answer`;
      // A door with TLS hangs up on who speaks without it.
      const mayBeTls = code === 'MQ_CONNECTION_LOST' && target.startsWith('http:');
      return { verdict: 'bad', found: silent, advice: mayBeTls ? `try https:, or ${elsewhere}` : elsewhere };
    }
    case 'MQ_UNREACHABLE':
      return { verdict: 'note', found, advice: hintFor(code, { failure: message }) };
    default:
      return { verdict: 'note', found, advice: hintFor(code, {}) };
  }
}
