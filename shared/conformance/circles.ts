/** Circles in a directed graph: one for each set of nodes that all lead to each other. Pure; one pass, without recursion. */

interface Visit {
  readonly node: string;
  /** Which of its edges is next. */
  edge: number;
}

/** For each strongly connected component of two nodes or more, a shortest circle through one of them. */
export function circles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  return components(edges).flatMap((component) => {
    const [start] = component;
    return start === undefined || component.length < 2 ? [] : [shortestCircle(edges, start, new Set(component))];
  });
}

/** Tarjan's components, with a stack of its own: a history may be a long chain. */
function components(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const found: string[][] = [];
  const enter = (node: string): Visit => {
    order.set(node, order.size);
    lowest.set(node, order.size - 1);
    open.push(node);
    isOpen.add(node);
    return { node, edge: 0 };
  };
  const lower = (node: string, to: number | undefined): void => {
    lowest.set(node, Math.min(lowest.get(node) ?? 0, to ?? Number.POSITIVE_INFINITY));
  };
  for (const root of edges.keys()) {
    if (order.has(root)) continue;
    const path = [enter(root)];
    for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
      const next = edges.get(visit.node)?.[visit.edge];
      visit.edge += 1;
      if (next !== undefined && !order.has(next)) path.push(enter(next));
      else if (next !== undefined && isOpen.has(next)) lower(visit.node, order.get(next));
      if (next !== undefined) continue;
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) lower(parent.node, lowest.get(visit.node));
      if (lowest.get(visit.node) !== order.get(visit.node)) continue;
      const component = open.splice(open.lastIndexOf(visit.node));
      for (const node of component) isOpen.delete(node);
      found.push(component);
    }
  }
  return found;
}

/** Breadth first from `start` back to it, within `component`. */
function shortestCircle(
  edges: ReadonlyMap<string, readonly string[]>,
  start: string,
  component: ReadonlySet<string>,
): string[] {
  const from = new Map<string, string>();
  const line = [start];
  for (const node of line) {
    for (const next of edges.get(node) ?? []) {
      if (next === start) return wayBack(from, node, start);
      if (!component.has(next) || from.has(next)) continue;
      from.set(next, node);
      line.push(next);
    }
  }
  return [start];
}

function wayBack(from: ReadonlyMap<string, string>, last: string, start: string): string[] {
  const way = [last];
  for (let node = last; node !== start; ) {
    node = from.get(node) ?? start;
    way.unshift(node);
  }
  return way;
}
