/** What a bench is asked to measure: `1` to `5`, `protocols`, or the url of a server. The bench names concrete brokers only here. */
import type { Broker } from '../shared/contract/broker.ts';
import { MqError } from '../shared/contract/errors.ts';
import { createBroker as createStage1 } from '../stages/1-blocking-queue/index.ts';
import { createBroker as createStage2 } from '../stages/2-ring-buffer/index.ts';
import { createClient, createBroker as createStage3 } from '../stages/3-http-server/index.ts';
import { createTcpClient, type TcpClientOptions } from '../stages/4-persisted-log/doors/tcp/create-client.ts';
import { createBroker as createStage4, type LogBrokerOptions } from '../stages/4-persisted-log/index.ts';
import { createBroker as createStage5, type RobustBrokerOptions } from '../stages/5-robust-broker/index.ts';

export interface Targets {
  /** Ascending, each once. */
  readonly stages: readonly StageNumber[];
  /** Of HTTP servers. */
  readonly urls: readonly string[];
  /** Of TCP servers. */
  readonly tcpUrls: readonly string[];
  /** Our doors for STOMP, MQTT and OpenWire, beside brokers of others that have to be installed. */
  readonly hasProtocols: boolean;
}

/** A broker of each stage, over a wire where the stage is one. */
const STAGES = {
  1: () => createStage1(),
  2: () => createStage2(),
  3: () => createStage3(),
  4: () => createStage4(),
  5: () => createStage5(),
} as const;

export type StageNumber = keyof typeof STAGES;

/** Not among those that are measured unless named: it needs what npm does not install. */
export const PROTOCOLS = 'protocols';
export const ALL_TARGETS: readonly string[] = Object.keys(STAGES);

/** `MQ_INVALID_ARGUMENT` for what is neither a stage we have nor the url of a server. */
export function parseTargets(texts: readonly string[]): Targets {
  const stages = new Set<StageNumber>();
  const urls = new Set<string>();
  const tcpUrls = new Set<string>();
  let hasProtocols = false;
  for (const text of texts.length === 0 ? ALL_TARGETS : texts) {
    if (isStage(text)) stages.add(Number(text) as StageNumber);
    else if (text === PROTOCOLS) hasProtocols = true;
    else if (/^https?:\/\//.test(text) && URL.canParse(text)) urls.add(new URL(text).origin);
    else if (/^mq:\/\/[^/]/.test(text) && URL.canParse(text)) tcpUrls.add(`mq://${new URL(text).host}`);
    else {
      const known = ALL_TARGETS.join(', ');
      throw new MqError(
        'MQ_INVALID_ARGUMENT',
        `a target is a stage (${known}), ${PROTOCOLS}, or the url of a server, not "${text}"`,
      );
    }
  }
  return { stages: [...stages].sort((a, b) => a - b), urls: [...urls], tcpUrls: [...tcpUrls], hasProtocols };
}

function isStage(text: string): boolean {
  return Object.hasOwn(STAGES, text);
}

/** In memory, with room for all that a run sends while nobody reads. */
export function createRoomyRing(): Promise<Broker> {
  return createStage2({ topicDefaults: { messagesMax: 2_000_000, bytesMax: 2 ** 30 } });
}

export function createStage(stage: StageNumber): Promise<Broker> {
  return STAGES[stage]();
}

/** How a persisted log is kept; plain data, so that it can be said to another process. */
export type LogOptions = Pick<LogBrokerOptions, 'dataFolder' | 'flushPolicy' | 'codec'>;

export function createLog(options: LogOptions): Promise<Broker> {
  return createStage4(options);
}

export type RobustOptions = LogOptions & Pick<RobustBrokerOptions, 'metrics'>;

/** The same kept by stage 5. */
export function createRobust(options: RobustOptions): Promise<Broker> {
  return createStage5(options);
}

/** A broker at `url`, over HTTP or TCP. */
export function createRemote(url: string, options: Pick<TcpClientOptions, 'codec'> = {}): Promise<Broker> {
  return url.startsWith('mq:') ? createTcpClient(url, options) : createClient(url);
}
