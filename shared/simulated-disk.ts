/**
 * A disk in memory for tests, which loses at a power cut what a real one may lose: everything that was not synced, or
 * whichever part of it a test chooses. Faults come in through `onCall`; shared/disk-faults.ts has the usual ones.
 *
 *     const disk = new SimulatedDisk();
 *     ... a broker works on it ...
 *     const after = disk.crash();          // the power goes: `disk` is dead, `after` is what the next start finds
 *
 * Always true: without a fault that waits, every promise resolves in microtasks, so virtual time never waits for the disk;
 * after `crash` a zombie that still has the old disk changes nothing. For tests only.
 */
import { posix } from 'node:path';
import { MqError } from './contract/errors.ts';
import type { Disk, DiskFile, DiskLock, OpenMode } from './disk.ts';
import { type CallWatcher, type DiskCall, type DiskFault, diskError } from './disk-faults.ts';
import { type Call, type DiskAccess, SimulatedFile } from './simulated-file.ts';
import {
  type Fate,
  FileNode,
  FolderNode,
  type KeptPart,
  partsOf,
  type SimulatedNode,
  type UnsyncedChange,
} from './simulated-nodes.ts';

export interface SimulatedDiskOptions {
  /** Room for the bytes of all files; without it there is always room. */
  readonly capacityBytes?: number;
  /** More open files than that: EMFILE. */
  readonly openFilesMax?: number;
}

/** Nothing that was not synced. */
const NOTHING: Fate = () => false;

/** A disk in memory. */
export class SimulatedDisk implements Disk {
  /** Test hook; see `CallWatcher`. */
  onCall: CallWatcher | undefined;
  capacityBytes: number;
  openFilesMax: number;
  /** True: whatever would change something rejects with EROFS. */
  isReadOnly = false;
  #root = new FolderNode();
  #isOff = false;
  #callCount = 0;
  #changeCount = 0;
  readonly #openPaths = new Map<SimulatedFile, string>();
  readonly #locks = new Set<string>();

  constructor(options: SimulatedDiskOptions = {}) {
    this.capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY;
    this.openFilesMax = options.openFilesMax ?? Number.POSITIVE_INFINITY;
  }

  get callCount(): number {
    return this.#callCount;
  }

  /** Paths of the files nobody closed yet. */
  get openPaths(): readonly string[] {
    return [...this.#openPaths.values()].sort();
  }

  /** Bytes of all files there are names for. */
  get usedBytes(): number {
    return this.#root.size;
  }

  /** What no sync has covered, in the order it was done. */
  get unsynced(): readonly UnsyncedChange[] {
    const changes: UnsyncedChange[] = [];
    for (const node of this.#nodes()) changes.push(...node.changes);
    return changes.sort((a, b) => a.number - b.number);
  }

  /** The disk that a power cut at this moment would leave, for the next start to find; this one goes on. */
  remains(fate: Fate = NOTHING): SimulatedDisk {
    const fates = new Map<UnsyncedChange, boolean | KeptPart>();
    for (const change of this.unsynced) fates.set(change, fate(change));
    const disk = this.#like();
    disk.#root = this.#root.survivor(fates);
    return disk;
  }

  /**
   * What another process finds when this one is killed at this moment, which goes on for now: the system lives, so all
   * that was written is there, and as unsafe as it was.
   */
  leftBehind(): SimulatedDisk {
    const disk = this.#like();
    disk.#root = this.#root.copy();
    disk.#changeCount = this.#changeCount;
    return disk;
  }

  /** The power goes: every later call on this disk rejects. */
  crash(fate: Fate = NOTHING): SimulatedDisk {
    const disk = this.remains(fate);
    this.#isOff = true;
    return disk;
  }

  /** Turns over one bit of a file, as it rots on the platter. */
  flipBit(path: string, bit: number): void {
    this.#file('open', path).flipBit(bit);
  }

  list(folder: string): Promise<readonly string[]> {
    return this.#run({ kind: 'list', path: folder }, () => this.#folder('list', folder).names);
  }

  makeFolder(folder: string): Promise<void> {
    return this.#run({ kind: 'makeFolder', path: folder, isChange: true }, () => {
      let node = this.#root;
      for (const name of partsOf(folder)) node = this.#child(node, name, folder);
    });
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#run({ kind: 'open', path, isChange: mode !== 'read' }, () => {
      if (this.#openPaths.size >= this.openFilesMax) throw diskError('EMFILE', 'open', path);
      const node = mode === 'create' ? this.#create(path) : this.#file('open', path);
      const file = new SimulatedFile(this.#access, { node, path, isWritable: mode !== 'read' });
      this.#openPaths.set(file, path);
      return file;
    });
  }

  exists(path: string): Promise<boolean> {
    return this.#run({ kind: 'exists', path }, () => this.#find(path) !== undefined);
  }

  rename(from: string, to: string): Promise<void> {
    return this.#run({ kind: 'rename', path: from, isChange: true }, () => {
      const source = this.#folder('rename', posix.dirname(from));
      const target = this.#folder('rename', posix.dirname(to));
      const node = source.node(posix.basename(from));
      if (node === undefined) throw diskError('ENOENT', 'rename', from);
      const goes = [posix.basename(from), undefined] as const;
      const comes = [posix.basename(to), node] as const;
      if (source === target) return source.change({ ...this.#change(from), leads: [goes, comes] });
      target.change({ ...this.#change(to), leads: [comes] });
      source.change({ ...this.#change(from), leads: [goes] });
    });
  }

  remove(path: string): Promise<void> {
    return this.#run({ kind: 'remove', path, isChange: true }, () => {
      this.#file('remove', path);
      this.#unlink(path);
    });
  }

  removeFolder(folder: string): Promise<void> {
    return this.#run({ kind: 'removeFolder', path: folder, isChange: true }, () => {
      if (this.#find(folder) !== undefined) this.#removeTree(folder, this.#folder('removeFolder', folder));
    });
  }

  syncFolder(folder: string): Promise<void> {
    const lastNumber = this.#changeCount;
    return this.#run(
      { kind: 'syncFolder', path: folder },
      (isLie) => this.#folder('syncFolder', folder).sync(isLie ? 0 : lastNumber),
      () => this.#folder('syncFolder', folder).forget(lastNumber),
    );
  }

  freeBytes(folder: string): Promise<number> {
    return this.#run({ kind: 'freeBytes', path: folder }, () => Math.max(this.#freeBytes(), 0));
  }

  lock(path: string): Promise<DiskLock> {
    return this.#run({ kind: 'lock', path, isChange: true }, () => {
      if (this.#locks.has(path)) throw new MqError('MQ_DATA_LOCKED', `another process has the lock on ${path}`);
      if (this.#find(path) === undefined) this.#create(path);
      this.#locks.add(path);
      let isHeld = true;
      const release = (): void => {
        if (isHeld) this.#locks.delete(path);
        isHeld = false;
      };
      return { release: () => this.#run({ kind: 'release', path }, release, release) };
    });
  }

  /** What an open file needs of its disk. */
  readonly #access: DiskAccess = {
    run: (call, effect, failed) => this.#run(call, effect, failed),
    show: (call) => this.#show(call),
    act: (call, fault, effect, failed) => this.#act(call, fault, effect, failed),
    change: (path) => this.#change(path),
    lastNumber: () => this.#changeCount,
    freeBytes: () => this.#freeBytes(),
    closed: (file) => this.#openPaths.delete(file),
  };

  /**
   * One call: counted, shown to the watcher, held or refused as it says, then done. `effect` runs at once when nothing
   * holds it, and nothing comes between it and the check that the power is on: what resolves was there before any crash.
   */
  async #run<T>(call: Call, effect: (isLie: boolean) => T, failed?: (doneBytes: number) => void): Promise<T> {
    const fault = this.#show(call);
    if (fault?.until !== undefined) await fault.until;
    return this.#act(call, fault, effect, failed);
  }

  #show({ kind, path, bytes = 0, position = 0 }: Call): DiskFault | undefined {
    if (this.#isOff) throw diskError('EIO', kind, path);
    this.#callCount += 1;
    return this.onCall?.({ number: this.#callCount, kind, path, bytes, position });
  }

  #act<T>(
    { kind, path, isChange = false }: Call,
    fault: DiskFault | undefined,
    effect: (isLie: boolean) => T,
    failed?: (doneBytes: number) => void,
  ): T {
    if (this.#isOff) throw diskError('EIO', kind, path);
    if (fault?.code !== undefined) {
      failed?.(fault.doneBytes ?? 0);
      throw diskError(fault.code, kind, path);
    }
    if (this.isReadOnly && isChange) throw diskError('EROFS', kind, path);
    return effect(fault?.isLie ?? false);
  }

  #child(folder: FolderNode, name: string, path: string): FolderNode {
    const node = folder.node(name);
    if (node instanceof FolderNode) return node;
    if (node instanceof FileNode) throw diskError('EEXIST', 'makeFolder', path);
    const made = new FolderNode();
    const change = this.#change(path);
    folder.change({ ...change, leads: [[name, made]] });
    folder.sync(change.number);
    return made;
  }

  #create(path: string): FileNode {
    const folder = this.#folder('open', posix.dirname(path));
    if (folder.node(posix.basename(path)) !== undefined) throw diskError('EEXIST', 'open', path);
    const node = new FileNode();
    folder.change({ ...this.#change(path), leads: [[posix.basename(path), node]] });
    return node;
  }

  #like(): SimulatedDisk {
    return new SimulatedDisk({ capacityBytes: this.capacityBytes, openFilesMax: this.openFilesMax });
  }

  #change(path: string): { readonly number: number; readonly path: string } {
    this.#changeCount += 1;
    return { number: this.#changeCount, path };
  }

  #unlink(path: string): void {
    const folder = this.#folder('remove', posix.dirname(path));
    folder.change({ ...this.#change(path), leads: [[posix.basename(path), undefined]] });
  }

  #removeTree(path: string, folder: FolderNode): void {
    for (const name of folder.names) {
      const node = folder.node(name);
      const below = posix.join(path, name);
      if (node instanceof FolderNode) this.#removeTree(below, node);
      else this.#unlink(below);
    }
    this.#unlink(path);
  }

  #find(path: string): SimulatedNode | undefined {
    return this.#root.find(partsOf(path));
  }

  #folder(kind: DiskCall['kind'], path: string): FolderNode {
    const node = this.#find(path);
    if (node instanceof FolderNode) return node;
    throw diskError(node === undefined ? 'ENOENT' : 'ENOTDIR', kind, path);
  }

  #file(kind: DiskCall['kind'], path: string): FileNode {
    const node = this.#find(path);
    if (node instanceof FileNode) return node;
    throw diskError(node === undefined ? 'ENOENT' : 'EISDIR', kind, path);
  }

  #nodes(): ReadonlySet<SimulatedNode> {
    const nodes = new Set<SimulatedNode>([this.#root]);
    for (const node of nodes) if (node instanceof FolderNode) for (const below of node.reachable) nodes.add(below);
    return nodes;
  }

  #freeBytes(): number {
    const { capacityBytes } = this; // nobody asks how much is used while there is no bound
    return capacityBytes === Number.POSITIVE_INFINITY ? Number.MAX_SAFE_INTEGER : capacityBytes - this.usedBytes;
  }
}
