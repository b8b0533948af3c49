/** Subject: what was sent is what arrives, byte for byte and name for name, up to the limits and not beyond. */
import type { Message } from '../../contract/message.ts';
import { equal, equalBytes, holds, refused } from '../check.ts';
import type { ConformanceTest } from '../conformance-test.ts';
import type { TestContext } from '../test-context.ts';
import { receiveOne, textOf } from './steps.ts';

/** Characters of one, two, three and four bytes; a decomposed letter; right-to-left; NUL and line breaks. */
const TEXTS = [
  'plain',
  'naïve café',
  '消息队列，第一条。',
  '🧵🪡👩‍👩‍👧',
  'e\u0301 stays two',
  'שלום',
  'a\u0000b',
  'a\r\nb',
  ' ',
  '"\\',
];

export const bodiesAndHeaders: readonly ConformanceTest[] = [
  {
    name: 'a body of every byte value arrives byte for byte',
    capability: 'receive',
    run: async (context) => {
      const bytes = Uint8Array.from({ length: 512 }, (_, index) => index % 256);
      await roundTripBytes(context, bytes, 'all 256 byte values, twice');
      await roundTripBytes(context, Uint8Array.of(0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80), 'bytes that are no UTF-8');
      await roundTripBytes(context, Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 'text that begins with a byte order mark');
    },
  },
  {
    name: 'an empty body is a message like any other',
    capability: 'receive',
    run: (context) => roundTripBytes(context, new Uint8Array(0), 'an empty body'),
  },
  {
    name: 'a body larger than 65,535 bytes arrives whole',
    capability: 'receive',
    run: async (context) => {
      const length = Math.min(100_003, context.broker.limits.bodyBytesMax);
      const bytes = Uint8Array.from({ length }, () => context.random.below(256));
      await roundTripBytes(context, bytes, `${length} random bytes`);
    },
  },
  {
    name: 'a body of exactly bodyBytesMax is accepted and one byte more is MQ_MESSAGE_TOO_LARGE',
    capability: 'receive',
    run: async (context) => {
      const { bodyBytesMax } = context.broker.limits;
      await roundTripBytes(context, new Uint8Array(bodyBytesMax).fill(7), `${bodyBytesMax} bytes`);
      const topic = await context.newTopic();
      const call = context.broker.send(topic, { body: new Uint8Array(bodyBytesMax + 1) });
      await refused(call, 'MQ_MESSAGE_TOO_LARGE', `${bodyBytesMax + 1} bytes`);
    },
  },
  {
    name: 'text outside ASCII arrives character for character',
    capability: 'receive',
    run: async (context) => {
      for (const text of TEXTS) {
        const topic = await context.newTopic();
        await context.broker.send(topic, { body: text });
        equal(textOf(await receiveOne(context.broker, topic)), text, 'the body as text');
      }
    },
  },
  {
    name: 'a body is handed out as a plain Uint8Array',
    capability: 'receive',
    run: async (context) => {
      const topic = await context.newTopic();
      await context.broker.send(topic, { body: Buffer.from('a buffer') });
      const { body } = await receiveOne(context.broker, topic);
      equal(Object.getPrototypeOf(body) === Uint8Array.prototype, true, 'a Uint8Array and no subclass');
      equal(textOf({ body }), 'a buffer', 'the body');
    },
  },
  {
    name: 'headers, keys and ids arrive as they were sent, in any script and with line breaks',
    capability: 'receive',
    run: async (context) => {
      for (const text of TEXTS) {
        const message = { body: 'a', key: text, id: `id ${text}`, headers: { [text]: text, other: '' } };
        const arrived = await roundTrip(context, message);
        equal(arrived.key, text, 'the key');
        equal(arrived.id, `id ${text}`, 'the id');
        equal({ ...arrived.headers }, { [text]: text, other: '' }, 'the headers');
      }
    },
  },
  {
    name: 'a message without headers arrives with none',
    capability: 'receive',
    run: async (context) => {
      equal(Object.keys((await roundTrip(context, { body: 'a' })).headers), [], 'names of headers');
    },
  },
  {
    name: 'a line break in a header value makes no second header',
    capability: 'receive',
    run: async (context) => {
      const headers: Record<string, string> = {
        trace: 'one\r\nmq-injected: yes',
        'content-type': 'text/x; a=b&c=d%20+e',
      };
      equal({ ...(await roundTrip(context, { body: 'a', headers })).headers }, headers, 'the headers');
    },
  },
  {
    name: "headers named like an object's own members are ordinary headers",
    capability: 'receive',
    run: async (context) => {
      const names = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf'];
      const headers = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
      Object.defineProperty(headers, '__proto__', { value: 'value of __proto__', enumerable: true });
      const arrived = (await roundTrip(context, { body: 'a', headers })).headers;
      equal(Object.keys(arrived).sort(), [...names].sort(), 'names of headers');
      for (const name of names) equal(arrived[name], `value of ${name}`, `header ${name}`);
      equal(Object.getPrototypeOf(arrived), null, 'the prototype of the headers');
      equal(({} as Record<string, unknown>).polluted, undefined, 'a member that appears on every object');
    },
  },
  {
    name: 'headers up to headersCountMax and headersBytesMax are accepted and more are MQ_MESSAGE_TOO_LARGE',
    capability: 'receive',
    run: async (context) => {
      const { headersCountMax, headersBytesMax } = context.broker.limits;
      const many = (count: number): Record<string, string> =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`h${index}`, 'v']));
      const arrived = await roundTrip(context, { body: 'a', headers: many(headersCountMax) });
      equal(Object.keys(arrived.headers).length, headersCountMax, 'headers that arrived');
      await refusedSend(context, { body: 'a', headers: many(headersCountMax + 1) }, 'one header too many');
      const large = { name: 'v'.repeat(headersBytesMax - 4) };
      equal((await roundTrip(context, { body: 'a', headers: large })).headers.name, large.name, 'the largest header');
      await refusedSend(context, { body: 'a', headers: { name: `${large.name}v` } }, 'one byte of headers too many');
    },
  },
  {
    name: 'a key of keyBytesMax and an id of idBytesMax are accepted and one byte more is MQ_MESSAGE_TOO_LARGE',
    capability: 'receive',
    run: async (context) => {
      const { keyBytesMax, idBytesMax } = context.broker.limits;
      const key = 'ü'.repeat(Math.floor(keyBytesMax / 2)).padEnd(keyBytesMax - Math.floor(keyBytesMax / 2), 'k');
      const id = 'i'.repeat(idBytesMax);
      const arrived = await roundTrip(context, { body: 'a', key, id });
      equal(arrived.key, key, 'the longest key');
      equal(arrived.id, id, 'the longest id');
      await refusedSend(context, { body: 'a', key: `${key}k` }, 'one byte of key too many');
      await refusedSend(context, { body: 'a', id: `${id}i` }, 'one byte of id too many');
    },
  },
  {
    name: 'text with a lone surrogate is refused wherever it stands',
    capability: 'send',
    run: async (context) => {
      const lone = 'a\ud800b';
      const wrong: readonly Message[] = [
        { body: lone },
        { body: 'a', key: lone },
        { body: 'a', id: lone },
        { body: 'a', headers: { [lone]: 'v' } },
        { body: 'a', headers: { name: lone } },
      ];
      const topic = await context.newTopic();
      for (const message of wrong) {
        await refused(context.broker.send(topic, message), 'MQ_INVALID_ARGUMENT', 'a lone surrogate');
      }
    },
  },
  {
    name: 'a message of the wrong shape is refused with the path of what is wrong',
    capability: 'send',
    run: async (context) => {
      const topic = await context.newTopic();
      for (const [message, path] of WRONG_MESSAGES) {
        const call = context.broker.send(topic, message as Message);
        const error = await refused(call, 'MQ_INVALID_ARGUMENT', `send of ${JSON.stringify(message)}`);
        holds(error.details.path?.endsWith(path) === true, `details.path to end with ${path}`, error.details.path);
      }
      equal((await context.describe(topic)).logEndOffset, 0, 'messages accepted');
    },
  },
];

const WRONG_MESSAGES: readonly (readonly [unknown, string])[] = [
  [null, 'message'],
  ['text', 'message'],
  [{}, 'body'],
  [{ body: 7 }, 'body'],
  [{ body: null }, 'body'],
  [{ body: { length: 3 } }, 'body'],
  [{ body: 'a', key: 7 }, 'key'],
  [{ body: 'a', id: '' }, 'id'],
  [{ body: 'a', headers: [] }, 'headers'],
  [{ body: 'a', headers: new Map([['n', 'v']]) }, 'headers'],
  [{ body: 'a', headers: { '': 'v' } }, '[""]'],
  [{ body: 'a', headers: { n: 7 } }, '["n"]'],
  [{ body: 'a', bdoy: 'misspelt' }, 'bdoy'],
];

async function roundTrip(context: TestContext, message: Message) {
  const topic = await context.newTopic();
  await context.broker.send(topic, message);
  return receiveOne(context.broker, topic, { bytesMax: context.broker.limits.receiveBytesMax });
}

async function roundTripBytes(context: TestContext, bytes: Uint8Array, what: string): Promise<void> {
  // The broker owns what it is sent, so it gets a copy.
  equalBytes((await roundTrip(context, { body: bytes.slice() })).body, bytes, what);
}

async function refusedSend(context: TestContext, message: Message, what: string): Promise<void> {
  const topic = await context.newTopic();
  await refused(context.broker.send(topic, message), 'MQ_MESSAGE_TOO_LARGE', what);
}
