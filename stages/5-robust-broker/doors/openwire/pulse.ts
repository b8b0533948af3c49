/**
 * The signs of life that both sides agreed upon.
 *
 *     WireFormatInfo --firstSilenceMs + inactivityMs--> the client is gone if nothing came; from then on: inactivityMs
 *
 * Always true: this side says something three times in the time after which it would be taken for gone. The session uses it.
 */
import type { Clock, Timer } from '../../../../shared/clock.ts';
import type { ByteChannel } from '../byte-channel.ts';
import type { WireFormat } from './wire-format.ts';

/** In the time after which a silent side is gone. */
const SIGNS_OF_LIFE = 3;

export interface PulseOptions extends Pick<WireFormat, 'inactivityMs' | 'firstSilenceMs'> {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  readonly say: () => void;
}

/** Answers the timer after which the client is to be heard as often as was agreed; undefined: it may be silent. */
export function startPulse({ inactivityMs, firstSilenceMs, channel, clock, say }: PulseOptions): Timer | undefined {
  if (inactivityMs === 0) return undefined;
  const sayEveryMs = Math.max(Math.floor(inactivityMs / SIGNS_OF_LIFE), 1);
  const start = (silenceMsMax: number): void => channel.startPulse({ sayEveryMs, say, silenceMsMax });
  start(firstSilenceMs + inactivityMs);
  return clock.setTimer(() => start(inactivityMs), firstSilenceMs, { isBackground: true });
}
