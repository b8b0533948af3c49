import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COLUMNS_MIN, isTooSmall, layoutOf, ROWS_MIN } from './layout.ts';

test('for every size and stage the panes fill the terminal exactly', () => {
  for (let columns = COLUMNS_MIN; columns <= 240; columns += 1) {
    for (let rows = ROWS_MIN; rows <= 80; rows += 1) {
      for (const stage of [1, 2, 3, 4, 5]) {
        const layout = layoutOf({ columns, rows }, stage);
        const { topHeight, insideHeight, bottomHeight, keysHeight } = layout;
        assert.equal(1 + topHeight + insideHeight + bottomHeight + 1 + keysHeight, rows, `${columns}x${rows}`);
        assert.equal(layout.producersWidth + layout.readersWidth, columns);
        assert.equal(layout.eventsWidth + layout.besideWidth, columns);
        assert.ok(bottomHeight >= 4, `${columns}x${rows} has room for what happened`);
        assert.equal(layout.besideWidth > 0, stage >= 3);
      }
    }
  }
});

test('the classic terminal of 80 x 24 is large enough, a smaller one says so', () => {
  assert.equal(isTooSmall({ columns: 80, rows: 24 }), false);
  assert.equal(isTooSmall({ columns: 77, rows: 24 }), true);
  assert.equal(isTooSmall({ columns: 80, rows: 21 }), true);
});
