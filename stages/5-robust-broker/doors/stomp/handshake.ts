/**
 * What CONNECT and CONNECTED agree on: the version, and the signs of life.
 *
 *     accept-version 1.0,1.2     the best one of both; without the header it is 1.0
 *     heart-beat 4000,10000      the client says something every 4 s, and wants to hear something every 10 s; 0: not at all
 *
 * Always true: a side is asked for no more than it offered. Pure.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import { quote } from '../../../../shared/contract/validation.ts';
import { TIMEOUT_MS_MAX } from '../../../4-persisted-log/doors/door-options.ts';
import { VERSIONS, type Version } from './frame.ts';

/** Of what was agreed, how much may pass: the network takes its time, and so may the other side. */
const SAY_SHARE = 0.5;
const SILENCE_SHARE = 2;

/** Every so often; undefined: not at all. */
export interface HeartBeats {
  readonly sayEveryMs?: number;
  readonly silenceMsMax?: number;
}

/** `MQ_PROTOCOL` when there is no version that both speak. */
export function agreedVersion(headers: ReadonlyMap<string, string>): Version {
  const asked = (headers.get('accept-version') ?? '1.0').split(',').map((version) => version.trim());
  const agreed = VERSIONS.find((version) => asked.includes(version));
  if (agreed !== undefined) return agreed;
  throw new MqError('MQ_PROTOCOL', `this server speaks ${VERSIONS.join(', ')}, and the client none of them`);
}

/** `heartbeatMs`: how often this server says something, and how often it wants to hear something. */
export function agreedHeartBeats(headers: ReadonlyMap<string, string>, heartbeatMs: number): HeartBeats {
  const text = headers.get('heart-beat') ?? '0,0';
  const [, says, wants] = /^\s*(\d{1,15})\s*,\s*(\d{1,15})\s*$/.exec(text) ?? [];
  if (says === undefined || wants === undefined) {
    throw new MqError('MQ_PROTOCOL', `heart-beat is two numbers of ms, such as 10000,10000, not ${quote(text, 40)}`);
  }
  const agreed = (asked: number): number => Math.min(Math.max(asked, heartbeatMs), TIMEOUT_MS_MAX / SILENCE_SHARE);
  return {
    ...(Number(wants) > 0 && { sayEveryMs: agreed(Number(wants)) * SAY_SHARE }),
    ...(Number(says) > 0 && { silenceMsMax: agreed(Number(says)) * SILENCE_SHARE }),
  };
}
