/**
 * About the broker and the door: who it is, whether it is well, its numbers, its routes.
 *
 * Always true: `GET /broker` is all a client needs to know before its first call. Added by the server.
 */
import { readFileSync } from 'node:fs';
import type { Door, Routes } from '../door.ts';
import { type MetricsOptions, metricsOf } from '../metrics.ts';
import { BrokerAnswer, HealthAnswer, OpenApiAnswer, ok, ReadinessAnswer, text } from './answers.ts';

/** What the routes of this folder speak; a client of another version must not go on. */
export const PROTOCOL_VERSION = 1;

const METRICS_TYPE = 'text/plain';

/** Version of the package, found by its own name: the same in a checkout and when installed. */
const { version } = JSON.parse(readFileSync(new URL(import.meta.resolve('stagemq/package.json')), 'utf8')) as {
  version: string;
};

export function addBrokerRoutes(routes: Routes, door: Door, options: MetricsOptions): void {
  const about = { summary: 'Name, version, capabilities and limits', response: ok(BrokerAnswer) };
  routes.get('/broker', { schema: about }, async (request) => {
    const { name, capabilities, limits } = door.brokerOf(request);
    return { name, version, protocolVersion: PROTOCOL_VERSION, capabilities: [...capabilities], limits: { ...limits } };
  });

  const health = { summary: 'Is the door open?', security: [], response: ok(HealthAnswer) };
  routes.get('/healthz', { schema: health }, async () => ({ status: 'ok' }));

  const answers = { ...ok(ReadinessAnswer), 503: { description: 'not now; says why', ...ReadinessAnswer } };
  const readiness = { summary: 'Does the broker take messages?', security: [], response: answers };
  routes.get('/readyz', { schema: readiness }, async (_request, reply) => {
    // A broker that cannot say how it is takes messages as long as it is open.
    const { isReady, findings } = door.broker.health?.() ?? { isReady: true, findings: [] };
    return reply.code(isReady ? 200 : 503).send({ status: isReady ? 'ready' : 'not-ready', findings: [...findings] });
  });

  const metrics = { summary: 'Every topic and group, for Prometheus', response: text(METRICS_TYPE) };
  routes.get('/metrics', { schema: metrics }, async (request, reply) => {
    const numbers = await metricsOf(door.brokerOf(request), door.connections, options);
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(numbers);
  });

  const openapi = { summary: 'These routes as OpenAPI 3.1', response: ok(OpenApiAnswer) };
  routes.get('/openapi.json', { schema: openapi }, async () => routes.swagger());
}
