/**
 * Pulls the plug at every moment of some work on a simulated disk, in one run of it: before each call that changes the
 * disk, what a power cut would leave now is kept, with whatever the test knows at that moment.
 *
 *     const cuts = new PowerCuts(disk, { known: () => ackedCount, fates: () => [keepsNothing] });
 *     await work(disk);
 *     for (const { disk, known } of cuts.end()) ...      // start again on it: what was acked must be there
 *
 * Always true: the moment is the last one at which the disk was so, hence the one at which most was promised.
 */
import type { CallWatcher, DiskCall } from '../disk-faults.ts';
import type { SimulatedDisk } from '../simulated-disk.ts';
import type { Fate, UnsyncedChange } from '../simulated-nodes.ts';

export interface PowerCut<Known> {
  /** What the next start finds. */
  readonly disk: SimulatedDisk;
  readonly known: Known;
  /** Where the power went, for messages. */
  readonly place: string;
}

export interface PowerCutOptions<Known> {
  /** Asked at each moment. */
  readonly known: () => Known;
  /**
   * Which of the changes nobody synced are there; one disk is kept for each. `kill`: no power cut but kill -9, so all are
   * there, and none is safe.
   */
  readonly fates: 'kill' | ((unsynced: readonly UnsyncedChange[]) => Iterable<Fate>);
  /** Other faults of the run. */
  readonly onCall?: CallWatcher;
}

const CHANGING: ReadonlySet<DiskCall['kind']> = new Set<DiskCall['kind']>([
  'write',
  'sync',
  'truncate',
  'open',
  'makeFolder',
  'rename',
  'remove',
  'removeFolder',
  'syncFolder',
]);

export class PowerCuts<Known> {
  readonly #disk: SimulatedDisk;
  readonly #options: PowerCutOptions<Known>;
  readonly #cuts: PowerCut<Known>[] = [];

  constructor(disk: SimulatedDisk, options: PowerCutOptions<Known>) {
    this.#disk = disk;
    this.#options = options;
    disk.onCall = (call) => {
      if (CHANGING.has(call.kind)) this.#cut(`before call ${call.number}, ${call.kind} ${call.path}`);
      return options.onCall?.(call);
    };
  }

  /** The work is over: all cuts, the last one at this moment. */
  end(): readonly PowerCut<Known>[] {
    this.#cut('at the end');
    this.#disk.onCall = undefined;
    return this.#cuts;
  }

  #cut(place: string): void {
    const known = this.#options.known();
    const { fates } = this.#options;
    if (fates === 'kill') {
      this.#cuts.push({ disk: this.#disk.leftBehind(), known, place: `${place} (kill -9)` });
      return;
    }
    let fateNumber = 0;
    for (const fate of fates(this.#disk.unsynced)) {
      fateNumber += 1;
      this.#cuts.push({ disk: this.#disk.remains(fate), known, place: `${place} (fate ${fateNumber})` });
    }
  }
}
