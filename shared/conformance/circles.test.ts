/** Circles of a graph: none is missed, none is invented, and a long chain is no trouble. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { circles } from './circles.ts';

function graph(edges: readonly (readonly [string, string])[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const [from, to] of edges) found.set(from, [...(found.get(from) ?? []), to]);
  return found;
}

/** Whether any node leads back to itself over others. */
function hasCircle(edges: ReadonlyMap<string, readonly string[]>): boolean {
  const left = new Map([...edges].map(([node, next]) => [node, new Set(next.filter((other) => other !== node))]));
  for (let size = -1; size !== left.size; ) {
    size = left.size;
    for (const [node, next] of left) {
      for (const other of next) if (!left.has(other)) next.delete(other);
      if (next.size === 0) left.delete(node);
    }
  }
  return left.size > 0;
}

describe('circles', () => {
  test('of two and of three nodes, each told once', () => {
    assert.deepEqual(
      circles(
        graph([
          ['a', 'b'],
          ['b', 'a'],
        ]),
      ).map((circle) => circle.sort()),
      [['a', 'b']],
    );
    const three = circles(
      graph([
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
        ['c', 'd'],
      ]),
    );
    assert.deepEqual(
      three.map((circle) => circle.sort()),
      [['a', 'b', 'c']],
    );
  });

  test('none in a tree, in a diamond, or where a node only leads to itself', () => {
    assert.deepEqual(
      circles(
        graph([
          ['a', 'b'],
          ['a', 'c'],
          ['b', 'd'],
          ['c', 'd'],
          ['d', 'd'],
        ]),
      ),
      [],
    );
  });

  test('a chain of 100,000 nodes is walked', () => {
    const chain = Array.from({ length: 100_000 }, (_, index) => [`n${index}`, `n${index + 1}`] as const);
    assert.deepEqual(circles(graph(chain)), []);
    assert.equal(circles(graph([...chain, ['n100000', 'n0']]))[0]?.length, 100_001);
  });

  test('whatever the graph, one is found exactly when there is one, and each edge of it exists', () => {
    const node = fc.constantFrom(...'abcdefgh');
    fc.assert(
      fc.property(fc.array(fc.tuple(node, node), { maxLength: 20 }), (edges) => {
        const given = graph(edges);
        const found = circles(given);
        assert.equal(found.length > 0, hasCircle(given));
        for (const circle of found) {
          for (const [index, from] of circle.entries()) {
            assert.ok(given.get(from)?.includes(circle[(index + 1) % circle.length] ?? ''));
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
