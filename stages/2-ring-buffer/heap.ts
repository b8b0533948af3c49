/**
 * A heap: whatever comes first by its order is always on top, and anything in it can be taken out by its node.
 *
 *                 [3]                 a parent is never after its children;
 *               /     \               index i has its children at 2i + 1 and 2i + 2
 *            [5]       [4]
 *           /   \
 *        [9]     [7]                  stored as  3 5 4 9 7
 *
 * Always true: every node knows its index, so `remove` needs no search. push, shift and remove are O(log n); a push of
 * what comes last and a removal among equals are O(1), and that is what leases and offsets nearly always do.
 */

/** A place in one heap. */
export interface HeapNode<T> {
  readonly value: T;
  /** Where it is; -1 when it is out. */
  index: number;
}

export class Heap<T> {
  readonly #isBefore: (one: T, other: T) => boolean;
  #nodes: HeapNode<T>[] = [];

  constructor(isBefore: (one: T, other: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#nodes.length;
  }

  /** What comes before all others; undefined when the heap is empty. */
  get first(): T | undefined {
    return this.#nodes[0]?.value;
  }

  push(value: T): HeapNode<T> {
    const node = { value, index: this.#nodes.length };
    this.#nodes.push(node);
    this.#rise(node);
    return node;
  }

  /** Takes out the first. */
  shift(): T | undefined {
    const node = this.#nodes[0];
    if (node !== undefined) this.remove(node);
    return node?.value;
  }

  /** False when the node is out already. */
  remove(node: HeapNode<T>): boolean {
    const { index } = node;
    if (index < 0) return false;
    node.index = -1;
    const last = this.#nodes.pop();
    if (last === undefined || last === node) return true;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
    return true;
  }

  clear(): void {
    for (const node of this.#nodes) node.index = -1;
    this.#nodes = [];
  }

  #rise(node: HeapNode<T>): void {
    while (node.index > 0) {
      const parentIndex = (node.index - 1) >> 1;
      const parent = this.#nodes[parentIndex];
      if (parent === undefined || !this.#isBefore(node.value, parent.value)) return;
      this.#put(parent, node.index);
      this.#put(node, parentIndex);
    }
  }

  #sink(node: HeapNode<T>): void {
    for (;;) {
      const left = this.#nodes[node.index * 2 + 1];
      const right = this.#nodes[node.index * 2 + 2];
      const child = left !== undefined && right !== undefined && this.#isBefore(right.value, left.value) ? right : left;
      if (child === undefined || !this.#isBefore(child.value, node.value)) return;
      const childIndex = child.index;
      this.#put(child, node.index);
      this.#put(node, childIndex);
    }
  }

  #put(node: HeapNode<T>, index: number): void {
    this.#nodes[index] = node;
    node.index = index;
  }
}
