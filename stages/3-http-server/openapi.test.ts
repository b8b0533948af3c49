/**
 * Requests made from the description the server publishes, sent to that server: none is answered 5xx (but 501 for what
 * the broker cannot do), and every answer is what the description says.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv2020, type AnySchemaObject } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { request } from 'undici';
import { type OpenDoor, openDoor } from './testing/doors.ts';

interface Operation {
  readonly parameters?: readonly {
    name: string;
    in: 'path' | 'query' | 'header';
    required?: boolean;
    schema: AnySchemaObject;
  }[];
  readonly requestBody?: { required?: boolean; content: Record<string, { schema: AnySchemaObject }> };
  readonly responses: Record<string, { headers?: object; content?: Record<string, { schema: AnySchemaObject }> }>;
}

const METHODS = ['get', 'put', 'post', 'delete'] as const;
const RUNS_PER_OPERATION = 25;
const NAMES = ['t', 'g', 'm', 'a/b', '..', '$x', '中', '%', ' '];
const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Values a schema describes, and now and then one it does not. */
function valuesOf(schema: AnySchemaObject): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 19, arbitrary: validOf(schema) }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) });
}

function validOf(schema: AnySchemaObject): fc.Arbitrary<unknown> {
  const choices: AnySchemaObject[] | undefined = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return fc.oneof(...choices.map(valuesOf));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.const !== undefined) return fc.constant(schema.const);
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const members = Object.entries((schema.properties ?? {}) as Record<string, AnySchemaObject>);
      const record = Object.fromEntries(members.map(([name, member]) => [name, valuesOf(member)]));
      if (members.length === 0)
        return fc.dictionary(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }), { maxKeys: 3 });
      return fc.record(record, { requiredKeys: schema.required ?? [] });
    }
    case 'array':
      return fc.array(valuesOf(schema.items), { maxLength: 3 });
    case 'integer':
    case 'number':
      return fc.oneof(fc.nat({ max: 5 }), fc.constantFrom(0, 1, 1024, 1025, Number.MAX_SAFE_INTEGER, -1));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 8, unit: 'grapheme' }));
  }
}

interface Made {
  readonly path: string;
  readonly type: string | undefined;
  readonly body: string | Uint8Array | undefined;
}

function requestsOf(path: string, { parameters = [], requestBody }: Operation): fc.Arbitrary<Made> {
  const inPath = parameters.filter((parameter) => parameter.in === 'path');
  const inQuery = parameters.filter((parameter) => parameter.in === 'query' && parameter.name !== 'waitMs');
  const query = Object.fromEntries(inQuery.map(({ name, schema }) => [name, valuesOf(schema)]));
  const types = Object.entries(requestBody?.content ?? {});
  const bodies = types.map(([type, { schema }]) =>
    type === 'application/json'
      ? valuesOf(schema).map((value) => ({ type, body: JSON.stringify(withoutWaiting(value)) }))
      : fc.uint8Array({ maxLength: 40 }).map((body) => ({ type, body })),
  );
  return fc
    .record({
      names: fc.tuple(...inPath.map(() => fc.constantFrom(...NAMES))),
      query: fc.record(query, { requiredKeys: [] }),
      sent: bodies.length === 0 ? fc.constant(undefined) : fc.oneof(...bodies),
    })
    .map(({ names, query: values, sent }) => {
      let filled = path;
      for (const [index, { name }] of inPath.entries())
        filled = filled.replace(`{${name}}`, encodeURIComponent(names[index] ?? ''));
      const pairs = Object.entries(values).map(
        ([name, value]) =>
          `${name}=${encodeURIComponent(typeof value === 'object' ? JSON.stringify(value) : String(value))}`,
      );
      return { path: `${filled}?${pairs.join('&')}`, type: sent?.type, body: sent?.body };
    });
}

/** A long poll would only make the run long. */
function withoutWaiting(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'waitMs' in value ? { ...value, waitMs: 0 } : value;
}

async function check(door: OpenDoor, method: string, made: Made, { responses }: Operation): Promise<void> {
  const answer = await request(door.url + made.path, {
    method: method.toUpperCase() as 'GET',
    headers: made.type === undefined ? {} : { 'content-type': made.type },
    body: made.body ?? null,
  });
  const text = await answer.body.text();
  const { statusCode: status } = answer;
  const shown = `${method} ${made.path} ${String(made.body)} -> ${status} ${text.slice(0, 300)}`;
  assert.ok(status < 500 || status === 501, shown);
  const described = responses[status] ?? responses[`${Math.floor(status / 100)}XX`];
  assert.ok(described !== undefined, `not described: ${shown}`);
  const type = String(answer.headers['content-type'] ?? '').split(';')[0] ?? '';
  const content = described.content?.[type];
  if (status === 204) assert.equal(text, '', shown);
  else assert.ok(content !== undefined, `not described: ${type} of ${shown}`);
  if (!type.endsWith('json') || content === undefined) return;
  assert.ok(ajv.validate(content.schema, JSON.parse(text)), `${ajv.errorsText()}: ${shown}`);
}

test('requests made from /openapi.json meet no 5xx, and every answer is as described', async () => {
  await using door = await openDoor({}, { topicDefaults: { messagesMax: 100, overflow: 'reject' } });
  await door.broker.sendBatch('t', [{ body: 'a', key: 'k', headers: { h: 'v' } }, { body: new Uint8Array([255]) }]);
  const answer = await request(`${door.url}/openapi.json`);
  const description = (await answer.body.json()) as {
    openapi: string;
    paths: Record<string, Record<string, Operation>>;
  };
  assert.equal(description.openapi, '3.1.0');
  let operationCount = 0;
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const method of METHODS) {
      const operation = operations[method];
      if (operation === undefined) continue;
      operationCount += 1;
      const property = fc.asyncProperty(requestsOf(path, operation), (made) => check(door, method, made, operation));
      await fc.assert(property, { numRuns: RUNS_PER_OPERATION, ...(path === '/openapi.json' ? { numRuns: 1 } : {}) });
    }
  }
  assert.equal(operationCount, 43);
});

test('the description says what may be left out, which fields travel beside a message, and that a token is asked for', async () => {
  await using door = await openDoor({ token: 'secret' });
  const answer = await request(`${door.url}/openapi.json`, { headers: { authorization: 'Bearer secret' } });
  const { paths, components, security } = (await answer.body.json()) as {
    paths: Record<string, Record<string, Operation & { security?: unknown }>>;
    components: { securitySchemes: Record<string, { type: string; scheme: string }> };
    security: unknown;
  };
  const isBodyRequired = (method: string, path: string): unknown => paths[path]?.[method]?.requestBody?.required;
  assert.equal(isBodyRequired('post', '/topics/{topic}/deliveries'), false);
  assert.equal(isBodyRequired('put', '/topics/{topic}'), false);
  assert.equal(isBodyRequired('put', '/topics/{topic}/groups/{group}'), false);
  assert.equal(isBodyRequired('post', '/topics/{topic}/messages'), true);
  assert.equal(isBodyRequired('post', '/topics/{topic}/deliveries/ack'), true);
  assert.equal(isBodyRequired('put', '/topics/{topic}/groups/{group}/offset'), true);
  const messages = paths['/topics/{topic}/messages'];
  const fields = (messages?.post?.parameters ?? []).filter((parameter) => parameter.in === 'header');
  assert.deepEqual(
    fields.map(({ name, required }) => [name, required]),
    [
      ['mq-key', false],
      ['mq-id', false],
      ['mq-headers', false],
      ['mq-delay-ms', false],
      ['mq-deliver-at', false],
      ['mq-ttl-ms', false],
      ['mq-priority', false],
    ],
  );
  const answered = Object.keys(messages?.get?.responses['200']?.headers ?? {});
  assert.deepEqual(answered, [
    ...['mq-next-offset', 'mq-log-start-offset', 'mq-high-watermark', 'mq-last-stable-offset'],
  ]);
  assert.deepEqual(
    [components.securitySchemes.token?.type, components.securitySchemes.token?.scheme],
    ['http', 'bearer'],
  );
  assert.deepEqual([security, paths['/healthz']?.get?.security], [[{ token: [] }], []]);
});

test('each body that the description lets be left out may be left out', async () => {
  await using door = await openDoor();
  const answer = await request(`${door.url}/openapi.json`);
  const { paths } = (await answer.body.json()) as { paths: Record<string, Record<string, Operation>> };
  for (const [path, operations] of Object.entries(paths)) {
    for (const [method, { requestBody }] of Object.entries(operations)) {
      if (requestBody === undefined) continue;
      const bare = await request(door.url + path.replaceAll(/[{}]/g, ''), { method: method.toUpperCase() as 'POST' });
      await bare.body.dump();
      // What the broker cannot do at all is refused for that, and not for its body.
      const isTaken = bare.statusCode < 300 || bare.statusCode === 501;
      assert.equal(isTaken, requestBody.required === false, `${method} ${path}: ${bare.statusCode}`);
    }
  }
});
