import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fit, fitLine, lineWidth, span, textOf, titleBar, truncate, truncateStart, widthOf, wrap } from './text.ts';

const anyText = fc
  .array(fc.constantFrom('a', 'Z', '7', ' ', '中', '文', '，', '—', '·', 'é', '👍', '#'))
  .map((all) => all.join(''));

test('a Chinese character takes two columns, as the terminal draws it', () => {
  assert.equal(widthOf('队列'), 4);
  assert.equal(widthOf('a队·'), 4);
});

test('a fitted text is exactly as wide as asked, whatever is in it and however it is aligned', () => {
  fc.assert(
    fc.property(
      anyText,
      fc.integer({ min: 0, max: 30 }),
      fc.constantFrom('left', 'right', 'center'),
      (text, width, align) => {
        assert.equal(widthOf(fit(text, width, align)), width);
      },
    ),
  );
});

test('a fitted line is exactly as wide as asked, also when the cut falls into a wide character', () => {
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 5 }), fc.integer({ min: 0, max: 30 }), (texts, width) => {
      assert.equal(
        lineWidth(
          fitLine(
            texts.map((text) => span(text)),
            width,
          ),
        ),
        width,
      );
    }),
  );
});

test('a text that is cut says so, at the end or at the start', () => {
  assert.equal(truncate('billing', 5), 'bill…');
  assert.equal(truncate('队列满了', 5), '队列…');
  assert.equal(truncateStart('/topics/orders/messages', 10), '…/messages');
  assert.equal(truncate('short', 5), 'short');
});

test('a title bar is as wide as its pane, also with a long or a Chinese title', () => {
  for (const title of ['x', '消费者 3.8/s', 'a title that is much too long for its pane']) {
    assert.equal(lineWidth(titleBar(title, 30)), 30);
    assert.ok(textOf(titleBar(title, 30)).endsWith('┐'));
  }
});

test('words are wrapped between words, Chinese anywhere but before a closing mark, and nothing is lost', () => {
  assert.deepEqual(wrap('the lease had ended', 10), ['the lease', 'had ended']);
  assert.deepEqual(wrap('租约已到期，太晚', 10), ['租约已到', '期，太晚']);
  fc.assert(
    fc.property(anyText, (text) => {
      const lines = wrap(text, 12);
      assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''));
      for (const line of lines) assert.ok(widthOf(line) <= 14, `"${line}" is ${widthOf(line)} wide`);
    }),
  );
});
