import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOrigin } from './web-origin.ts';

test('an origin is what a browser sends, and nothing that only looks like it', () => {
  const right = ['https://shop.example', 'http://localhost:5173', 'http://[::1]:81', 'null'];
  for (const text of [...right, 'capacitor://localhost', 'chrome-extension://abcdef']) assert.ok(isOrigin(text), text);
  const wrong = ['', '*', 'https://*.example', 'shop.example', 'https://shop.example/', 'https://shop.example/chat'];
  const odd = [
    'https://shop.example:443',
    'HTTPS://shop.example',
    'https://Shop.example',
    'https://a@b',
    'https://a b',
  ];
  for (const text of [...wrong, ...odd, 'https://', 'https://a,https://b', 'file:///home', 5]) {
    assert.ok(!isOrigin(text), String(text));
  }
});
