import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type } from 'typebox';
import { isMqError } from '../../shared/contract/errors.ts';
import { RouteTable } from './route-table.ts';
import { failureOf } from './transport-error.ts';
import { jsonIn, numberInHeader, pathOf, queryOf, readerOf } from './wire.ts';

const answer = (text: string, headers = {}) => ({ status: 200, headers, body: Buffer.from(text) });
const isProtocol = (error: unknown): boolean => isMqError(error, 'MQ_PROTOCOL');

test('a name in a path cannot change the path', () => {
  assert.equal(pathOf('topics', 'a/b?c#d%2F', 'x y'), '/topics/a%2Fb%3Fc%23d%252F/x%20y');
  assert.equal(pathOf('topics', '..', '.'), '/topics/%2E%2E/%2E');
  assert.equal(pathOf('topics', '中'), '/topics/%E4%B8%AD');
});

test('a query has what is given, and nothing when nothing is', () => {
  assert.equal(queryOf({ max: 3, offset: 0, partition: undefined }), '?max=3&offset=0');
  assert.equal(queryOf({ max: undefined }), '');
});

test('an answer of another shape is MQ_PROTOCOL', () => {
  const read = readerOf('a number', Type.Object({ a: Type.Integer({ maximum: 9 }) }));
  assert.deepEqual(read(answer('{"a":1,"later":2}')), { a: 1, later: 2 });
  for (const text of ['', 'x', '[]', 'null', '7', '{}', '{"a":"1"}', '{"a":10}', '{"a":1.5}']) {
    assert.throws(() => read(answer(text)), isProtocol, text);
  }
  assert.deepEqual(jsonIn(answer('[1]')), [1]);
  assert.equal(numberInHeader(answer('', { a: '7' }), 'a'), 7);
  for (const value of [undefined, '', '-1', '1.5', 'x', '99999999999999999999', ['1', '2']]) {
    assert.throws(() => numberInHeader(answer('', { a: value }), 'a'), isProtocol);
  }
});

test('a failure says whether the call can have taken effect, and in doubt that it can', () => {
  const codeOf = (code: string, { syscall = '', isSent = true } = {}) =>
    failureOf(Object.assign(new Error('x'), { code, syscall }), { isSent }).code;
  for (const code of ['ECONNREFUSED', 'ENOTFOUND', 'UND_ERR_CONNECT_TIMEOUT'])
    assert.equal(codeOf(code), 'MQ_UNREACHABLE');
  assert.equal(codeOf('ECONNRESET', { syscall: 'connect' }), 'MQ_UNREACHABLE');
  for (const code of ['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']) assert.equal(codeOf(code), 'MQ_CONNECTION_LOST');
  for (const code of ['UND_ERR_DESTROYED', 'UND_ERR_CLOSED']) {
    assert.equal(codeOf(code), 'MQ_CONNECTION_LOST');
    assert.equal(codeOf(code, { isSent: false }), 'MQ_CLOSED');
  }
  assert.equal(codeOf('HPE_INVALID_CONSTANT'), 'MQ_PROTOCOL');
  assert.equal(failureOf('no error at all', { isSent: true }).code, 'MQ_PROTOCOL');
});

test('a route table tells the methods of a path, for every pattern that fits it', () => {
  const table = new RouteTable();
  table.add('GET', '/a/:b');
  table.add(['PUT', 'DELETE'], '/a/:b');
  table.add('POST', '/a/:b/c');
  const refusal = (method: string, url: string): unknown => {
    try {
      table.answer({ method, url } as never, {} as never);
    } catch (error) {
      return isMqError(error) ? (error.details.allow ?? error.code) : error;
    }
    return undefined;
  };
  assert.deepEqual(refusal('POST', '/a/x?q=1'), ['DELETE', 'GET', 'PUT']);
  assert.deepEqual(refusal('GET', '/a/x/c'), ['POST']);
  for (const url of ['/', '/a', '/a/', '/a/x/', '/a/x/d', '/b/x']) assert.equal(refusal('GET', url), 'MQ_NOT_FOUND');
});
