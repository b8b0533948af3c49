/**
 * The fastify application of a server: parsers, guard, errors, routes. It does not listen.
 *
 *     guard --> body parser --> schema --> route --> Broker
 *        \__________\____________\__________/   every error becomes a problem document
 *
 * Always true: what is thrown anywhere becomes a problem document, and a caller learns nothing of a defect but that there
 * is one. Hooks that nobody asked for are not registered. `server.ts` makes one.
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type onSendHookHandler } from 'fastify';
import type { Broker } from '../../shared/contract/broker.ts';
import { isMqError, MqError } from '../../shared/contract/errors.ts';
import { createAdmit } from './admitting.ts';
import { Connections } from './connections.ts';
import { Door, type Routes } from './door.ts';
import { createGuard } from './guard.ts';
import { parseJson } from './json-body.ts';
import { createNodeServer } from './node-server.ts';
import { describeRoutes } from './openapi.ts';
import { headersOf, PROBLEM_TYPE, problemOf } from './problem.ts';
import { logEntryOf } from './request-log.ts';
import { RouteTable } from './route-table.ts';
import { addBrokerRoutes } from './routes/broker-routes.ts';
import { addConnectionRoutes } from './routes/connection-routes.ts';
import { addDeliveryRoutes } from './routes/delivery-routes.ts';
import { addGroupRoutes } from './routes/group-routes.ts';
import { addMessageRoutes } from './routes/message-routes.ts';
import { addOperatorRoutes } from './routes/operator-routes.ts';
import { addRecordRoutes } from './routes/record-routes.ts';
import { addTopicRoutes } from './routes/topic-routes.ts';
import { addTransactionRoutes } from './routes/transaction-routes.ts';
import { errorOfServer } from './server-error.ts';
import type { CheckedServerOptions } from './server-options.ts';
import { UnsentBytes } from './unsent-bytes.ts';
import { compileValidator, type SchemaTypes } from './validator.ts';

/** Longest percent-encoded name in a path: 249 bytes thrice, and names that a broker makes are longer. */
const PATH_PARAMETER_LENGTH_MAX = 8192;

/** For what comes while the server stops, and for a send that waited for room until then: nothing was stored. */
const STOPPING = new MqError('MQ_CLOSED', 'the server is stopping');

export async function createApp(
  broker: Broker,
  options: CheckedServerOptions,
): Promise<{ readonly app: FastifyInstance; readonly door: Door }> {
  const connections = new Connections(options);
  const refusalOf = createRefusal(connections, options);
  const admit = createAdmit(broker, options);
  const app = fastify({
    serverFactory: (serve) => createNodeServer(serve, { connections, options }),
    bodyLimit: options.requestBytesMax,
    // Requests of a closing server reach the guard, which refuses them in our words.
    return503OnClosing: false,
    routerOptions: { maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    // That of the server knows whether it may be answered.
    clientErrorHandler: () => undefined,
    // A path that cannot be read comes here before any hook: it is not our callers alone who send one.
    frameworkErrors: (error, request, reply) => {
      const refused = refusalOf(request, reply);
      if (refused !== undefined || admit === undefined) answerError(refused ?? error, request, reply);
      else
        admit(request, reply).then(
          () => answerError(error, request, reply),
          (refusal) => answerError(refusal, request, reply),
        );
    },
  });
  const door = new Door(broker, { connections, onDefect: options.onDefect });
  // I4: the only place from which an error leaves.
  const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const known = connections.isDraining && isMqError(error, 'MQ_ABORTED') ? STOPPING : errorOfServer(error);
    if (known.code === 'MQ_INTERNAL') options.onDefect(error);
    else options.onRefused?.(known, request.ip);
    const problem = problemOf(known);
    // As bytes, which fastify leaves alone: to a text it would add a charset, which this type does not have.
    const body = Buffer.from(JSON.stringify(problem));
    void reply.code(problem.status).headers(headersOf(known, options)).type(PROBLEM_TYPE).send(body);
  };
  app.setValidatorCompiler(compileValidator);
  app.setErrorHandler(answerError);
  app.decorateRequest('admitted', undefined);
  app.addHook('onRequest', (request, reply, next) => {
    const refused = refusalOf(request, reply);
    if (refused !== undefined) next(refused);
    else if (admit === undefined) letIn(request, reply, next);
    else admit(request, reply).then(() => letIn(request, reply, next), next);
  });
  addJsonParser(app);
  if (options.onRequest !== undefined) addLog(app, options.onRequest, options);
  addLeavingTogether(app, options);
  addUnsentLimit(app, options);
  await addRoutes(app, door, options);
  await app.ready();
  return { app, door };
}

/** I5: only who was let in is asked for the body. */
function letIn(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
  if (request.raw.headers.expect !== undefined) reply.raw.writeContinue();
  next();
}

/** Why a request is refused before anything else of it is looked at; undefined: go on. */
function createRefusal(
  connections: Connections,
  options: CheckedServerOptions,
): (request: FastifyRequest, reply: FastifyReply) => MqError | undefined {
  const guard = createGuard(options);
  return (request, reply) => {
    const refused = connections.isDraining
      ? STOPPING
      : (guard(request.raw) ?? refuseCoding(request.raw.headers['content-encoding']));
    // Nobody knows where the request after an ambiguous one begins.
    if (refused?.code === 'MQ_INVALID_ARGUMENT') reply.header('connection', 'close');
    return refused;
  };
}

/** A kilobyte may unfold into a gigabyte, so nothing is unfolded. */
function refuseCoding(coding: string | undefined): MqError | undefined {
  if (coding === undefined || coding === 'identity') return undefined;
  return new MqError('MQ_UNSUPPORTED_MEDIA_TYPE', 'a request body must not be compressed (Content-Encoding)');
}

function addJsonParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (_request, body, parsed) => {
    let value: unknown;
    try {
      value = parseJson(body);
    } catch (error) {
      parsed(error as Error);
      return;
    }
    parsed(null, value);
  });
}

function addLog(
  app: FastifyInstance,
  onRequest: NonNullable<CheckedServerOptions['onRequest']>,
  { clock, onDefect }: CheckedServerOptions,
): void {
  app.addHook('onResponse', (request, reply, next) => {
    try {
      onRequest(logEntryOf(request, reply, clock.now()));
    } catch (error) {
      onDefect(error);
    }
    next();
  });
}

/**
 * Answers that are ready in one turn of the event loop leave at its end, one right after the other. Each of them may wake a
 * caller, and to wake one costs the system more than all that we do for the request; one that is still busy with the answer
 * before need not be woken. A POST of one message, 32 callers: 34 us of CPU, and 48 where each answer leaves by itself; one
 * caller alone waits no longer.
 */
function addLeavingTogether(app: FastifyInstance, { onDefect }: CheckedServerOptions): void {
  let ready: { readonly reply: FastifyReply; readonly leave: () => void }[] = [];
  const leaveAll = (): void => {
    const all = ready;
    ready = [];
    for (const { reply, leave } of all) {
      try {
        leave();
      } catch (error) {
        onDefect(error); // of this answer, and not of those behind it
        reply.raw.destroy();
      }
    }
  };
  app.addHook('onSend', (_request, reply, payload, next: (error: Error | null, sent?: unknown) => void) => {
    if (ready.length === 0) setImmediate(leaveAll);
    ready.push({ reply, leave: () => next(null, payload) });
  });
}

/** I13: what reading answers may be far larger than what was asked. What sending answers is not, and was already done. */
function addUnsentLimit(app: FastifyInstance, { unsentBytesMax }: CheckedServerOptions): void {
  const unsent = new UnsentBytes(unsentBytesMax);
  const count: onSendHookHandler = (_request, reply, payload, next: (error: Error | null, sent?: unknown) => void) => {
    // Problem documents are small, and one of them says that there was no room.
    const bytes = reply.statusCode < 400 ? sizeOf(payload) : 0;
    const refused = bytes === 0 ? undefined : unsent.take(reply.raw, bytes);
    if (refused === undefined) next(null, payload);
    else next(refused);
  };
  app.addHook('onRoute', (route) => {
    const isReading = route.method === 'GET' || route.url.endsWith('/deliveries');
    if (isReading) route.onSend = [...[route.onSend ?? []].flat(), count];
  });
}

function sizeOf(payload: unknown): number {
  if (typeof payload === 'string') return Buffer.byteLength(payload);
  return payload instanceof Uint8Array ? payload.byteLength : 0;
}

async function addRoutes(
  app: FastifyInstance,
  door: Door,
  { extraRoutes, token, admission, moreMetrics, metricsTopicsMax, connections }: CheckedServerOptions,
): Promise<void> {
  const table = new RouteTable();
  app.addHook('onRoute', ({ method, url }) => table.add(method, url));
  app.setNotFoundHandler((request, reply) => table.answer(request, reply));
  await describeRoutes(app, { token, admission });
  const routes: Routes = app.withTypeProvider<SchemaTypes>();
  addBrokerRoutes(routes, door, { topicsMax: metricsTopicsMax, moreMetrics });
  addConnectionRoutes(routes, door, { connections, admission });
  addTopicRoutes(routes, door);
  addDeliveryRoutes(routes, door);
  addGroupRoutes(routes, door);
  addRecordRoutes(routes, door);
  addTransactionRoutes(routes, door);
  addOperatorRoutes(routes, door);
  await routes.register((scope: Routes, _options, added) => {
    addMessageRoutes(scope, door);
    added();
  });
  await extraRoutes?.(app, door.broker);
}
