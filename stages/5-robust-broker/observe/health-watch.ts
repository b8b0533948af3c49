/**
 * How a broker is, from what it knows already, so that the answer waits for nothing.
 *
 *     logs that could not be opened again, room on the disk, a sync that hangs, memory, damaged topics  -->  Health
 *
 * Always true: to ask changes nothing and touches no disk; a finding goes when its cause does. The composition makes one.
 */
import type { Health, HealthFinding } from '../../../shared/contract/health.ts';
import { type Shortage, shortageText } from '../../4-persisted-log/disk-watch.ts';

/** A sync that takes longer is no slow disk any more. */
const STALLED_MS = 5000;

export interface HealthSources {
  readonly isClosing: () => boolean;
  readonly diskShortage: () => Shortage | undefined;
  /** How long the oldest sync has not come back. */
  readonly stalledMs: () => number;
  readonly damagedTopicCount: () => number;
  /** Why memory is short, in words; undefined while it is not. */
  readonly memoryShortage: () => string | undefined;
}

export class HealthWatch {
  readonly #sources: HealthSources;
  /** Folders of logs that nothing can be written to. */
  readonly #broken = new Set<string>();

  constructor(sources: HealthSources) {
    this.#sources = sources;
  }

  noteLog(folder: string, isBroken: boolean): void {
    if (isBroken) this.#broken.add(folder);
    else this.#broken.delete(folder);
  }

  health(): Health {
    const findings = [...this.#findings()];
    return { isReady: findings.every(({ isBlocking }) => !isBlocking), findings };
  }

  *#findings(): Generator<HealthFinding> {
    const { isClosing, diskShortage, stalledMs, damagedTopicCount, memoryShortage } = this.#sources;
    if (isClosing()) yield blocking('closing', 'the broker is closing');
    const shortage = diskShortage();
    if (shortage !== undefined) yield blocking('disk-full', shortageText(shortage));
    const stalled = stalledMs();
    if (stalled >= STALLED_MS) {
      yield blocking('disk-stalled', `the disk has not answered for ${Math.round(stalled / 1000)} s`);
    }
    if (this.#broken.size > 0) {
      yield blocking('storage-failed', `logs that cannot be written: ${this.#broken.size}`);
    }
    const memory = memoryShortage();
    if (memory !== undefined) yield blocking('memory-full', memory);
    const damaged = damagedTopicCount();
    if (damaged > 0) {
      const text = `topics that cannot be read: ${damaged}; mq verify says why`;
      yield { code: 'topic-damaged', text, isBlocking: false };
    }
  }
}

function blocking(code: HealthFinding['code'], text: string): HealthFinding {
  return { code, text, isBlocking: true };
}
