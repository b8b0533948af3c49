/**
 * What a simulated disk is made of: files and folders, each kept twice, as calls see it now and as it is safe from a power
 * cut, and between the two the changes nobody synced yet.
 *
 *     seen   = what every call sees                      safe + all unsynced changes, in order
 *     safe   = what a power cut leaves for certain       grows by `sync` only
 *
 * Always true: a survivor shares nothing with the node it was made from. Used by SimulatedDisk only.
 */

import assert from 'node:assert/strict';
import { posix } from 'node:path';

/** A change that no sync has covered. `number` orders all changes of a disk. */
export interface UnsyncedChange {
  readonly number: number;
  readonly kind: 'write' | 'truncate' | 'name';
  /** Of the file or folder, when it was changed. */
  readonly path: string;
  /** Of a write: how many. */
  readonly bytes: number;
  /** Of a write: where it begins in the file; of a truncation: the new size. */
  readonly position: number;
}

/** Part of a write that reached the disk before the power went. */
export interface KeptPart {
  /** Bytes of the write, from and to (exclusive). */
  readonly ranges: readonly { readonly from: number; readonly to: number }[];
  /** The file is as long as if all were there; what is missing reads as zeros. */
  readonly isGrown?: boolean;
}

/** Decides what a power cut does to a change: there, gone, or torn. Asked once of each, in the order they were made. */
export type Fate = (change: UnsyncedChange) => boolean | KeptPart;

interface ContentChange extends UnsyncedChange {
  readonly kind: 'write' | 'truncate';
  readonly data: Uint8Array;
}

/** Bytes that grow; what was never written reads as zeros. */
class Bytes {
  #buffer = new Uint8Array(0);
  length = 0;

  static of(other: Bytes): Bytes {
    const copy = new Bytes();
    copy.#buffer = other.#buffer.slice(0, other.length);
    copy.length = other.length;
    return copy;
  }

  view(): Uint8Array {
    return this.#buffer.subarray(0, this.length);
  }

  write(data: Uint8Array, position: number): void {
    if (position + data.length > this.length) this.resize(position + data.length);
    this.#buffer.set(data, position);
  }

  resize(length: number): void {
    if (length > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(length, this.#buffer.length * 2));
      larger.set(this.view());
      this.#buffer = larger;
    }
    if (length < this.length) this.#buffer.fill(0, length, this.length);
    this.length = length;
  }
}

/** The bytes of a file. */
export class FileNode {
  readonly #seen: Bytes;
  readonly #safe: Bytes;
  #changes: ContentChange[];

  constructor(safe = new Bytes(), seen = Bytes.of(safe), changes: readonly ContentChange[] = []) {
    this.#safe = safe;
    this.#seen = seen;
    this.#changes = [...changes];
  }

  get size(): number {
    return this.#seen.length;
  }

  get changes(): readonly UnsyncedChange[] {
    return this.#changes;
  }

  read(into: Uint8Array, position: number): number {
    const part = this.#seen.view().subarray(position, position + into.length);
    into.set(part);
    return part.length;
  }

  change(change: Omit<ContentChange, 'bytes'>): void {
    const kept = { ...change, bytes: change.data.length };
    this.#changes.push(kept);
    apply(this.#seen, kept);
  }

  /** Makes the changes up to this number safe. */
  sync(lastNumber: number): void {
    for (const change of this.#changes) if (change.number <= lastNumber) apply(this.#safe, change);
    this.forget(lastNumber);
  }

  /** A sync that failed: the changes are seen until a power cut, and never become safe. */
  forget(lastNumber: number): void {
    this.#changes = this.#changes.filter((change) => change.number > lastNumber);
  }

  /** Rot at rest: on the platter, so it survives. */
  flipBit(bit: number): void {
    const [byte, mask] = [bit >>> 3, 1 << (bit & 7)];
    for (const bytes of [this.#seen, this.#safe]) {
      const view = bytes.view();
      const old = view[byte];
      if (old !== undefined) view[byte] = old ^ mask;
    }
  }

  copy(): FileNode {
    return new FileNode(Bytes.of(this.#safe), Bytes.of(this.#seen), this.#changes);
  }

  survivor(fate: ReadonlyMap<UnsyncedChange, boolean | KeptPart>): FileNode {
    const safe = Bytes.of(this.#safe);
    for (const change of this.#changes) {
      const kept = fate.get(change);
      assert(kept !== undefined, 'every change has a fate');
      if (kept === true) apply(safe, change);
      else if (kept !== false) applyPart(safe, change, kept);
    }
    return new FileNode(safe);
  }
}

function apply(bytes: Bytes, change: ContentChange): void {
  if (change.kind === 'truncate') bytes.resize(change.position);
  else bytes.write(change.data, change.position);
}

function applyPart(bytes: Bytes, change: ContentChange, { ranges, isGrown = false }: KeptPart): void {
  assert(change.kind === 'write', 'only a write is torn');
  const end = change.position + change.data.length;
  if (isGrown && bytes.length < end) bytes.resize(end);
  for (const { from, to } of ranges) bytes.write(change.data.subarray(from, to), change.position + from);
}

interface NameChange extends UnsyncedChange {
  readonly kind: 'name';
  /** Names that lead elsewhere now; undefined: nowhere. One change is there as a whole or not at all. */
  readonly leads: readonly (readonly [name: string, node: SimulatedNode | undefined])[];
}

export type SimulatedNode = FileNode | FolderNode;

/** The names in a folder. */
export class FolderNode {
  readonly #seen: Map<string, SimulatedNode>;
  readonly #safe: Map<string, SimulatedNode>;
  #changes: NameChange[] = [];

  constructor(safe: Iterable<readonly [string, SimulatedNode]> = []) {
    this.#safe = new Map(safe);
    this.#seen = new Map(this.#safe);
  }

  get names(): readonly string[] {
    return [...this.#seen.keys()].sort();
  }

  get changes(): readonly UnsyncedChange[] {
    return this.#changes;
  }

  /** What is at the end of that path. */
  find(names: readonly string[]): SimulatedNode | undefined {
    let node: SimulatedNode | undefined = this;
    for (const name of names) node = node instanceof FolderNode ? node.node(name) : undefined;
    return node;
  }

  /** Of all files in it. */
  get size(): number {
    let bytes = 0;
    for (const node of this.#seen.values()) bytes += node.size;
    return bytes;
  }

  /** All nodes that are in it, or may be after a power cut. */
  get reachable(): ReadonlySet<SimulatedNode> {
    const nodes = new Set([...this.#seen.values(), ...this.#safe.values()]);
    for (const change of this.#changes) for (const [, node] of change.leads) if (node !== undefined) nodes.add(node);
    return nodes;
  }

  node(name: string): SimulatedNode | undefined {
    return this.#seen.get(name);
  }

  change(change: Omit<NameChange, 'bytes' | 'position' | 'kind'>): void {
    const kept: NameChange = { ...change, kind: 'name', bytes: 0, position: 0 };
    this.#changes.push(kept);
    lead(this.#seen, kept);
  }

  sync(lastNumber: number): void {
    for (const change of this.#changes) if (change.number <= lastNumber) lead(this.#safe, change);
    this.forget(lastNumber);
  }

  forget(lastNumber: number): void {
    this.#changes = this.#changes.filter((change) => change.number > lastNumber);
  }

  /** `copies` has those made so far. */
  copy(copies = new Map<SimulatedNode, SimulatedNode>()): FolderNode {
    const copy = new FolderNode();
    const copyOf = (node: SimulatedNode): SimulatedNode => {
      const known = copies.get(node) ?? node.copy(copies);
      copies.set(node, known);
      return known;
    };
    for (const [name, node] of this.#safe) copy.#safe.set(name, copyOf(node));
    for (const [name, node] of this.#seen) copy.#seen.set(name, copyOf(node));
    copy.#changes = this.#changes.map((change) => ({
      ...change,
      leads: change.leads.map(([name, node]) => [name, node && copyOf(node)] as const),
    }));
    return copy;
  }

  /** `copies` has the survivors made so far: a node renamed between two folders may be found in both. */
  survivor(
    fate: ReadonlyMap<UnsyncedChange, boolean | KeptPart>,
    copies = new Map<SimulatedNode, SimulatedNode>(),
  ): FolderNode {
    const names = new Map(this.#safe);
    for (const change of this.#changes) if (fate.get(change) === true) lead(names, change);
    const survivors = [...names].map(([name, node]) => {
      const copy = copies.get(node) ?? (node instanceof FileNode ? node.survivor(fate) : node.survivor(fate, copies));
      copies.set(node, copy);
      return [name, copy] as const;
    });
    return new FolderNode(survivors);
  }
}

function lead(names: Map<string, SimulatedNode>, change: NameChange): void {
  for (const [name, node] of change.leads) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}

/** Of the paths asked for lately: a run of power cuts asks for the same few a million times. */
const knownParts = new Map<string, readonly string[]>();
const KNOWN_PATHS_MAX = 2_000;

/** The names of a path, from the root on. */
export function partsOf(path: string): readonly string[] {
  const known = knownParts.get(path);
  if (known !== undefined) return known;
  const names = posix.resolve('/', path).split('/');
  const parts = names.filter((name) => name !== '');
  if (knownParts.size >= KNOWN_PATHS_MAX) knownParts.clear();
  knownParts.set(path, parts);
  return parts;
}
