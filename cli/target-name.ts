/**
 * A target as a word on the command line: which words name a stage, and which an address. No stage is loaded here.
 *
 *     "2"  "4"                 a stage that is built
 *     "http://host:6767"       a server, over HTTP
 *     "mq://host:6768"         a server, over TCP
 *
 * Always true: anything else is a wrong use that says what there is. Pure; what a word leads to is target.ts's.
 */
import { describeValue } from '../shared/contract/validation.ts';
import { usageError } from './exit.ts';

export const TCP_PROTOCOL = 'mq:';
/** Without and with TLS. */
export const TCP_PROTOCOLS: readonly string[] = [TCP_PROTOCOL, 'mqs:'];
const URL_PROTOCOLS: readonly string[] = ['http:', 'https:', ...TCP_PROTOCOLS];

/** Of a url: it speaks TCP, with or without TLS. */
export function isOverTcp(url: string): boolean {
  return TCP_PROTOCOLS.includes(new URL(url).protocol);
}

/** What `mq serve` listens on and every other command looks for. */
export const DEFAULT_PORT = 6767;
export const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;
/** The same for TCP. */
export const DEFAULT_TCP_PORT = 6768;
export const DEFAULT_TCP_URL = `mq://127.0.0.1:${DEFAULT_TCP_PORT}`;

/** The protocols of others that a server may speak, with the port and the words for an address each has everywhere. */
export const PROTOCOLS = [
  { name: 'stomp', title: 'STOMP', port: 61613, schemes: ['stomp:', 'stomp+ssl:'] },
  { name: 'mqtt', title: 'MQTT', port: 1883, schemes: ['mqtt:', 'mqtts:'] },
  { name: 'openwire', title: 'OpenWire', port: 61616, schemes: ['tcp:', 'ssl:', 'failover:'] },
] as const;
/** Of WebSockets, through which STOMP and MQTT may come. */
const WEB_SOCKET_SCHEMES: readonly string[] = ['ws:', 'wss:'];
export type Protocol = (typeof PROTOCOLS)[number]['name'];

/** The stages that are built, in order. */
export const STAGES: readonly number[] = [1, 2, 3, 4, 5];
/** The stages the course has; those above the last of STAGES are still to come. */
const STAGE_COUNT = 5;
/** Stage 3 is a wire: what stands behind it is the broker of stage 2. */
export const WIRE_STAGE = 3;
/** The first that keeps its messages on a disk. */
export const DISK_STAGE = 4;
/** The first that knows who asks, and how much they may. */
export const ARMOUR_STAGE = 5;

/** A stage number or url, checked; anything else is a wrong use that says what there is. */
export function parseTarget(
  target: string,
): { readonly stage: number; readonly url: null } | { readonly stage: null; readonly url: string } {
  if (/^\d+$/.test(target)) return { stage: checkStage(Number(target)), url: null };
  const url = URL.canParse(target) ? new URL(target) : undefined;
  if (url === undefined || !URL_PROTOCOLS.includes(url.protocol) || url.hostname === '') {
    throw usageError(
      (url && ofOtherDoor(url)) ?? `a target is a stage number or a url, not ${describeValue(target)}`,
      `type a stage (${STAGES.join(', ')}) or a url such as ${DEFAULT_URL} or ${DEFAULT_TCP_URL}`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError('a url with a password in it ends up in logs', 'give the secret with --token or $MQ_TOKEN');
  }
  if (TCP_PROTOCOLS.includes(url.protocol) && !/^\/?$/.test(url.pathname + url.search + url.hash)) {
    throw usageError(`an address of TCP ends with its port: ${target}`, `such as ${DEFAULT_TCP_URL}`);
  }
  return { stage: null, url: url.href.replace(/\/$/, '') };
}

/** Whose address it is, when it is that of another door; the address itself may have a password in it. */
function ofOtherDoor({ protocol }: URL): string | undefined {
  const owner = PROTOCOLS.find(({ schemes }) => schemes.some((scheme) => scheme === protocol));
  const whose = WEB_SOCKET_SCHEMES.includes(protocol) ? 'STOMP or MQTT' : owner?.title;
  return whose === undefined ? undefined : `${protocol} is for clients of ${whose}; mq itself speaks HTTP and TCP`;
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
