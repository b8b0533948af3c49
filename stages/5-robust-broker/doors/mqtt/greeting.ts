/**
 * What a CONNECT asks for, and what it is told: the rules of the first packet.
 *
 * Always true: what the client gets differs from what it asked for only by what the CONNACK says. Pure, but for a name that is
 * made for a client without one.
 */
import type { Broker } from '../../../../shared/contract/broker.ts';
import type { Random } from '../../../../shared/random.ts';
import { canBeGroup } from '../destinations.ts';
import { groupOf, NEVER } from './client-session.ts';
import type { Connect, Will } from './packets.ts';
import type { Properties } from './properties.ts';
import { REASON, Violation } from './reasons.ts';
import type { CheckedMqttServerOptions } from './server-options.ts';
import { destinationOfName } from './topics.ts';

/** Of who says nothing. */
const RECEIVE_MAXIMUM = 65_535;

/** What was agreed. */
export interface Greeting {
  readonly clientId: string;
  readonly expirySeconds: number;
  /** 0: it may be silent for ever. */
  readonly keepAliveSeconds: number;
  /** What the client takes. */
  readonly receiveMaximum: number;
  readonly packetBytesMax: number;
  readonly topicAliasMaximum: number;
  /** Of a CONNACK of MQTT 5. */
  readonly properties: Properties;
}

/** `Violation` for what is refused whoever says it. */
export function greet(
  connect: Connect,
  {
    options,
    random,
    broker,
  }: { readonly options: CheckedMqttServerOptions; readonly random: Random; readonly broker: Broker },
): Greeting {
  const { version, properties, will } = connect;
  if (properties.authenticationMethod !== undefined) {
    throw new Violation(REASON.badAuthenticationMethod, 'there is no enhanced authentication');
  }
  if (will !== undefined) checkWill(will);
  const clientId = clientIdOf(connect, random);
  const asked = askedExpiry(connect);
  const expirySeconds = Math.min(asked, options.sessionExpirySecondsMax);
  const keepAliveSeconds = keepAliveOf(connect, options.keepAliveSecondsMax);
  const isMade = connect.clientId === '';
  return {
    clientId,
    expirySeconds,
    keepAliveSeconds,
    receiveMaximum: properties.receiveMaximum ?? RECEIVE_MAXIMUM,
    packetBytesMax: properties.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    topicAliasMaximum: version === 5 ? (properties.topicAliasMaximum ?? 0) : 0,
    properties: {
      ...(isMade && { assignedClientIdentifier: clientId }),
      ...(expirySeconds !== asked && { sessionExpiryInterval: expirySeconds }),
      ...(keepAliveSeconds !== connect.keepAliveSeconds && { serverKeepAlive: keepAliveSeconds }),
      ...limitsOf(options, broker),
    },
  };
}

function checkWill({ topic, retain }: Will): void {
  const { kind } = destinationOfName(topic);
  if (retain && kind !== 'topic') throw new Violation(REASON.retainNotSupported, 'the will is retained, in a queue');
}

/** What the door, or the broker behind it, does not do. */
function limitsOf(options: CheckedMqttServerOptions, broker: Broker): Properties {
  const { receiveMaximum, packetBytesMax, topicAliasMaximum } = options;
  const hasGroups = broker.capabilities.has('groups');
  return {
    ...(receiveMaximum < RECEIVE_MAXIMUM && { receiveMaximum }),
    ...{ maximumPacketSize: packetBytesMax, topicAliasMaximum },
    ...(!hasGroups && { wildcardSubscriptionAvailable: 0, sharedSubscriptionAvailable: 0 }),
    ...(options.retainedCountMax === 0 && { retainAvailable: 0 }),
  };
}

function clientIdOf({ version, clientId, isClean }: Connect, random: Random): string {
  if (clientId === '') {
    if (version === 3 || (version === 4 && !isClean)) {
      throw new Violation(REASON.clientIdNotValid, 'a session that is kept needs a client id');
    }
    return `auto-${random.hex(12)}`;
  }
  checkClientId({ clientId, owner: '' });
  return clientId;
}

/** `Violation` for a client id of which no group can be made for this owner. */
export function checkClientId(who: { readonly clientId: string; readonly owner: string }): void {
  if (canBeGroup(groupOf(who))) return;
  throw new Violation(REASON.clientIdNotValid, 'a client id is shorter, and has no control characters');
}

function askedExpiry({ version, isClean, properties }: Connect): number {
  if (version === 5) return properties.sessionExpiryInterval ?? 0;
  return isClean ? 0 : NEVER;
}

function keepAliveOf({ version, keepAliveSeconds }: Connect, secondsMax: number): number {
  if (version !== 5 || secondsMax === 0) return keepAliveSeconds;
  return keepAliveSeconds === 0 ? secondsMax : Math.min(keepAliveSeconds, secondsMax);
}
