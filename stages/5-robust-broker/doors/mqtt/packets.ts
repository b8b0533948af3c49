/**
 * The packets that clients and servers exchange, as values. Packet ids are 1 to 65,535; a reason is one of reasons.ts.
 * `decode.ts` makes those of clients, `encode.ts` takes those of servers.
 */
import type { Properties } from './properties.ts';

export type QoS = 0 | 1 | 2;
/** 3 is MQTT 3.1, 4 is 3.1.1. */
export type Version = 3 | 4 | 5;

export interface Will {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly properties: Properties;
}

export interface Connect {
  readonly type: 'connect';
  readonly version: Version;
  /** Clean session (3.1, 3.1.1), clean start (5). */
  readonly isClean: boolean;
  readonly keepAliveSeconds: number;
  readonly clientId: string;
  readonly will: Will | undefined;
  readonly user: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly properties: Properties;
}

export interface Publish {
  readonly type: 'publish';
  /** May be empty where a topic alias stands for it. */
  readonly topic: string;
  readonly qos: QoS;
  readonly isDup: boolean;
  readonly retain: boolean;
  /** 0 with QoS 0. */
  readonly packetId: number;
  readonly payload: Uint8Array;
  readonly properties: Properties;
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface Answer {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';
  readonly packetId: number;
  readonly reason: number;
  readonly properties: Properties;
}

export interface SubscriptionRequest {
  readonly filter: string;
  readonly qos: QoS;
  readonly isNoLocal: boolean;
  readonly isRetainAsPublished: boolean;
  /** 0: send what is retained, 1: only if the subscription is new, 2: do not. */
  readonly retainHandling: number;
}

export interface Subscribe {
  readonly type: 'subscribe';
  readonly packetId: number;
  readonly subscriptions: readonly SubscriptionRequest[];
  readonly properties: Properties;
}

export interface Unsubscribe {
  readonly type: 'unsubscribe';
  readonly packetId: number;
  readonly filters: readonly string[];
  readonly properties: Properties;
}

export interface Ping {
  readonly type: 'pingreq';
}

/** AUTH has the same form. */
export interface Farewell<Type extends 'disconnect' | 'auth' = 'disconnect' | 'auth'> {
  readonly type: Type;
  readonly reason: number;
  readonly properties: Properties;
}

export type ClientPacket =
  | Connect
  | Publish
  | Answer
  | Subscribe
  | Unsubscribe
  | Ping
  | Farewell<'disconnect'>
  | Farewell<'auth'>;

/** First four bits of a packet. */
export const TYPE = Object.freeze({
  connect: 1,
  connack: 2,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  suback: 9,
  unsubscribe: 10,
  unsuback: 11,
  pingreq: 12,
  pingresp: 13,
  disconnect: 14,
  auth: 15,
});
