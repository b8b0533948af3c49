/**
 * From a word on the command line to a broker: the one file of the command that knows which stages exist.
 *
 *     "2"                      the broker of stage 2, inside this process
 *     "3"                      stage 2's broker, a server in front of it, and a client of that server
 *     "http://host:6767"       a client of a running server, ours or anybody's
 *
 * Always true: a stage is loaded when it is asked for; closing what was opened closes everything it took.
 * `cli/`'s commands and the screen call this.
 */
import type { BrokerOptions } from '../shared/broker-options.ts';
import type { ConformanceTarget } from '../shared/conformance/conformance-test.ts';
import type { Broker } from '../shared/contract/broker.ts';
import { MqError } from '../shared/contract/errors.ts';
import { describeValue } from '../shared/contract/validation.ts';
import type { ShowLimits, Story } from '../shared/lesson.ts';
import type { HttpServer, RequestLogEntry, ServerOptions } from '../stages/3-http-server/index.ts';
import { usageError } from './exit.ts';

/** What `mq serve` listens on and every other command looks for. */
export const DEFAULT_PORT = 6767;
export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;

/** The stages that are built, in order. */
export const STAGES: readonly number[] = [1, 2, 3];
/** The stages the course has; those above the last of STAGES are still to come. */
const STAGE_COUNT = 5;
/** Stage 3 is a wire: what stands behind it is the broker of stage 2. */
const WIRE_STAGE = 3;

export interface OpenTargetOptions {
  readonly brokerOptions?: BrokerOptions;
  /** Told about every request; only where the target brings its own server (stage 3). */
  readonly onRequest?: (entry: RequestLogEntry) => void;
  /** Bearer token; only for a url. */
  readonly token?: string | undefined;
  /** How long its first answer may take, asked for once; only for a url. Default 30 s, asked for three times. */
  readonly answerMsMax?: number;
}

export interface OpenedTarget {
  readonly broker: Broker;
  /** What it is, for people: `stage 2`, or the url. */
  readonly name: string;
  readonly stage: number | null;
  /** Where its server listens; null for a broker inside this process. */
  readonly url: string | null;
  close(): Promise<void>;
}

/** Opens a stage, or a client of a url. A url that does not answer rejects with `MQ_UNREACHABLE`. */
export async function openTarget(target: string, options: OpenTargetOptions = {}): Promise<OpenedTarget> {
  const parsed = parseTarget(target);
  if (parsed.url !== null) return openUrl(parsed.url, options);
  const { stage } = parsed;
  if (stage === WIRE_STAGE) return openWire(options);
  const broker = await openStageBroker(stage, options.brokerOptions);
  return { broker, name: `stage ${stage}`, stage, url: null, close: () => broker.close() };
}

/** The broker of `stage` behind an HTTP server, as `mq serve` runs it. Closing the server leaves the broker open. */
export async function openServer(
  stage: number,
  options: { readonly brokerOptions?: BrokerOptions; readonly server?: ServerOptions },
): Promise<{ readonly server: HttpServer; readonly broker: Broker }> {
  const { createServer } = await import('../stages/3-http-server/server.ts');
  const broker = await openStageBroker(stage === WIRE_STAGE ? 2 : stage, options.brokerOptions);
  try {
    return { broker, server: await createServer(broker, options.server) };
  } catch (error) {
    await broker.close();
    throw error;
  }
}

/** A target as the conformance suite takes it. A url takes no broker options, and time at its other end is real. */
export function conformanceTargetOf(
  target: string,
  options: { readonly token?: string | undefined },
): ConformanceTarget {
  const { stage, url } = parseTarget(target);
  const createBroker = async (brokerOptions?: BrokerOptions): Promise<Broker> => {
    if (url !== null) return (await openUrl(url, options)).broker;
    if (stage !== WIRE_STAGE) return openStageBroker(stage, brokerOptions);
    return (await import('../stages/3-http-server/index.ts')).createBroker(brokerOptions);
  };
  if (url !== null) return { name: target, createBroker, clock: 'real', isConfigurable: false };
  return { name: target, createBroker, stage, clock: stage === WIRE_STAGE ? 'real' : 'virtual' };
}

export async function storyOf(stage: number): Promise<Story> {
  return (await lessonOf(checkStage(stage)).story()).story;
}

export async function limitsOf(stage: number): Promise<ShowLimits> {
  return (await lessonOf(checkStage(stage)).limit()).showLimits;
}

/** A stage number or url, checked; anything else is a wrong use that says what there is. */
export function parseTarget(
  target: string,
): { readonly stage: number; readonly url: null } | { readonly stage: null; readonly url: string } {
  if (/^\d+$/.test(target)) return { stage: checkStage(Number(target)), url: null };
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw usageError(
      `a target is a stage number or a url, not ${describeValue(target)}`,
      `type a stage (${STAGES.join(', ')}) or a url such as ${DEFAULT_URL}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError('a url with a password in it ends up in logs', 'give the secret with --token or $MQ_TOKEN');
  }
  return { stage: null, url: url.href.replace(/\/$/, '') };
}

/** The target of a command that was given none: $MQ_TARGET, else the port `mq serve` listens on. */
export function defaultTarget(env: NodeJS.ProcessEnv): string {
  return env.MQ_TARGET || DEFAULT_URL;
}

/** A number that names a stage which is built. */
export function checkStage(stage: number): number {
  if (STAGES.includes(stage)) return stage;
  const isToCome = Number.isInteger(stage) && stage > 0 && stage <= STAGE_COUNT;
  const message = isToCome ? `stage ${stage} is not built yet` : `there is no stage ${stage}`;
  throw usageError(message, `the stages that are built: ${STAGES.join(', ')}`);
}

async function openUrl(
  url: string,
  { token, answerMsMax }: Pick<OpenTargetOptions, 'token' | 'answerMsMax'>,
): Promise<OpenedTarget> {
  // Not the stage's index.ts: that loads the server too, which takes longer than most commands.
  const { createClient } = await import('../stages/3-http-server/create-client.ts');
  const patience = answerMsMax === undefined ? {} : { requestTimeoutMs: answerMsMax, retriesMax: 0 };
  const broker = await createClient(url, { ...patience, token }).catch((error) => {
    throw isPlainHttp(error) ? new MqError('MQ_PROTOCOL', `${url}: the server there speaks http, not https`) : error;
  });
  return { broker, name: url, stage: null, url, close: () => broker.close() };
}

/** What OpenSSL says when the other side answers its greeting with a line of HTTP. */
function isPlainHttp(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return cause?.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || cause?.code === 'ERR_SSL_HTTP_REQUEST';
}

async function openWire(options: OpenTargetOptions): Promise<OpenedTarget> {
  const { onRequest, brokerOptions } = options;
  const { server, broker } = await openServer(WIRE_STAGE, {
    brokerOptions,
    server: { port: 0, onRequest },
  });
  const client = await openUrl(server.url, {});
  const close = async (): Promise<void> => {
    await client.close();
    await server.close();
    await broker.close();
  };
  return { broker: client.broker, name: `stage ${WIRE_STAGE}`, stage: WIRE_STAGE, url: server.url, close };
}

async function openStageBroker(stage: number, options?: BrokerOptions): Promise<Broker> {
  const { createBroker } =
    stage === 1
      ? await import('../stages/1-blocking-queue/index.ts')
      : await import('../stages/2-ring-buffer/index.ts');
  return createBroker(options);
}

/** How to load the two lessons of a stage. Written out: the paths must be literal to be found in the package. */
function lessonOf(stage: number): {
  story(): Promise<{ readonly story: Story }>;
  limit(): Promise<{ readonly showLimits: ShowLimits }>;
} {
  switch (stage) {
    case 1:
      return {
        story: () => import('../stages/1-blocking-queue/story.ts'),
        limit: () => import('../stages/1-blocking-queue/limit.ts'),
      };
    case 2:
      return {
        story: () => import('../stages/2-ring-buffer/story.ts'),
        limit: () => import('../stages/2-ring-buffer/limit.ts'),
      };
    default:
      return {
        story: () => import('../stages/3-http-server/story.ts'),
        limit: () => import('../stages/3-http-server/limit.ts'),
      };
  }
}
