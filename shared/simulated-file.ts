/**
 * A file somebody opened on a simulated disk.
 *
 * Always true: what is wrong with a call is decided before anything of it is done, except a write that fails half-way. Made
 * by SimulatedDisk only.
 */
import type { DiskFile } from './disk.ts';
import { type DiskCall, type DiskFault, diskError } from './disk-faults.ts';
import type { FileNode } from './simulated-nodes.ts';

/** A call as it is asked for. */
export interface Call {
  readonly kind: DiskCall['kind'];
  readonly path: string;
  readonly bytes?: number;
  readonly position?: number;
  /** A read-only disk refuses it. */
  readonly isChange?: boolean;
}

/** What an open file needs of its disk. */
export interface DiskAccess {
  /** Does `effect`, or when the call is to fail, `failed`. */
  run<T>(call: Call, effect: (isLie: boolean) => T, failed?: (doneBytes: number) => void): Promise<T>;
  /** Its two halves: what is to happen to the call, */
  show(call: Call): DiskFault | undefined;
  /** and, when nothing holds it, doing it. */
  act<T>(call: Call, fault: DiskFault | undefined, effect: () => T, failed: (doneBytes: number) => void): T;
  /** A number for the next change. */
  change(path: string): { readonly number: number; readonly path: string };
  lastNumber(): number;
  freeBytes(): number;
  closed(file: SimulatedFile): void;
}

/** Which file, and what may be done with it. */
export interface OpenedNode {
  readonly node: FileNode;
  readonly path: string;
  readonly isWritable: boolean;
}

const NO_BYTES = new Uint8Array(0);

export class SimulatedFile implements DiskFile {
  readonly #disk: DiskAccess;
  readonly #opened: OpenedNode;
  #isClosed = false;

  constructor(disk: DiskAccess, opened: OpenedNode) {
    this.#disk = disk;
    this.#opened = opened;
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#run({ kind: 'read', bytes: into.length, position }, () => this.#opened.node.read(into, position));
  }

  write(pieces: readonly Uint8Array[], position: number): Promise<void> {
    const data = Buffer.concat(pieces);
    return this.#run(
      { kind: 'write', bytes: data.length, position, isChange: true },
      () => this.#writeAsFits(data, position),
      (doneBytes) => this.#write(data.subarray(0, doneBytes), position),
    );
  }

  writeNow(pieces: readonly Uint8Array[], position: number): boolean {
    const data = Buffer.concat(pieces);
    const call = this.#checked({ kind: 'write', bytes: data.length, position, isChange: true });
    const fault = this.#disk.show(call);
    if (fault?.until !== undefined) return false;
    const failed = (doneBytes: number): void => this.#write(data.subarray(0, doneBytes), position);
    this.#disk.act(call, fault, () => this.#writeAsFits(data, position), failed);
    return true;
  }

  sync(): Promise<void> {
    const lastNumber = this.#disk.lastNumber();
    const { node } = this.#opened;
    return this.#run(
      { kind: 'sync' },
      (isLie) => node.sync(isLie ? 0 : lastNumber),
      () => node.forget(lastNumber),
    );
  }

  truncate(bytes: number): Promise<void> {
    return this.#run({ kind: 'truncate', isChange: true }, () => {
      const { node, path } = this.#opened;
      if (bytes - node.size > this.#disk.freeBytes()) throw diskError('ENOSPC', 'truncate', path);
      node.change({ ...this.#disk.change(path), kind: 'truncate', position: bytes, data: NO_BYTES });
    });
  }

  size(): Promise<number> {
    return this.#run({ kind: 'size' }, () => this.#opened.node.size);
  }

  /** Closed even when it rejects, as close(2) is. */
  close(): Promise<void> {
    const closed = (): void => {
      this.#isClosed = true;
      this.#disk.closed(this);
    };
    return this.#run({ kind: 'close' }, closed, closed);
  }

  async #run<T>(
    call: Omit<Call, 'path'>,
    effect: (isLie: boolean) => T,
    failed?: (doneBytes: number) => void,
  ): Promise<T> {
    return this.#disk.run(this.#checked(call), effect, failed);
  }

  #checked(call: Omit<Call, 'path'>): Call {
    const { path, isWritable } = this.#opened;
    if (this.#isClosed || (call.isChange && !isWritable)) throw diskError('EBADF', call.kind, path);
    return { ...call, path };
  }

  /** As much of it as there is room for. */
  #writeAsFits(data: Uint8Array, position: number): void {
    const growth = Math.max(position + data.length - this.#opened.node.size, 0);
    const lacking = Math.max(growth - this.#disk.freeBytes(), 0);
    this.#write(data.subarray(0, Math.max(data.length - lacking, 0)), position);
    if (lacking > 0) throw diskError('ENOSPC', 'write', this.#opened.path);
  }

  #write(data: Uint8Array, position: number): void {
    if (data.length === 0) return;
    const { node, path } = this.#opened;
    node.change({ ...this.#disk.change(path), kind: 'write', position, data });
  }
}
