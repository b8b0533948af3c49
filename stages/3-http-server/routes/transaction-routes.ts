/**
 * Producers, transactions, half messages and their questions, and topics for replies. What they send is in
 * `message-routes.ts`.
 *
 *     POST /transactions --> {id}     .../topics/{topic}/messages     .../acks     .../offsets     .../commit, .../abort
 *
 * Always true: nothing of a transaction is kept here: each request finds it at the broker, by its id. Added by the server.
 */
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { Door, Routes } from '../door.ts';
import { toJson } from '../json-message.ts';
import { NoBody } from '../schemas.ts';
import * as schemas from '../transaction-schemas.ts';
import { done, ok } from './answers.ts';

export function addTransactionRoutes(routes: Routes, door: Door): void {
  const producers = {
    summary: 'Open a producer, whose sends can be repeated',
    body: schemas.ProducerBody,
    response: ok(schemas.ProducerAnswer),
  };
  routes.post('/producers', { schema: producers }, (request) => door.brokerOf(request).openProducer(request.body));

  const answer = ok(schemas.TransactionAnswer);
  const begin = { summary: 'Begin a transaction', body: schemas.BeginBody, response: answer };
  routes.post('/transactions', { schema: begin }, async (request) => {
    const signal = door.signalOf(request);
    const transaction = await door.brokerOf(request).begin({ ...request.body, signal });
    // Its id would never reach anybody: so it does not wait for its time-out.
    if (signal.aborted) await transaction.abort();
    return { id: transaction.id };
  });

  const find = { summary: 'Is a transaction open, or how did it end?', params: schemas.TransactionPath };
  routes.get('/transactions/:transaction', { schema: { ...find, response: answer } }, async (request) => {
    const { id } = await door.brokerOf(request).findTransaction(request.params.transaction);
    return { id };
  });

  addWithinRoutes(routes, door);
  addHalfRoutes(routes, door);

  const temporary = {
    summary: 'Make a topic for replies',
    body: NoBody,
    response: ok(schemas.TemporaryTopicAnswer),
  };
  routes.post('/temporary-topics', { schema: temporary }, async (request) => {
    return { topic: await door.brokerOf(request).createTemporaryTopic() };
  });
}

function addWithinRoutes(routes: Routes, door: Door): void {
  const within = { params: schemas.TransactionPath, response: done };

  const acks = { summary: 'Finish deliveries at its commit', body: schemas.TransactionAckBody, ...within };
  routes.post('/transactions/:transaction/acks', { schema: acks }, async (request, reply) => {
    const transaction = await door.brokerOf(request).findTransaction(request.params.transaction);
    const deliveries = request.body.deliveries.map(({ partition = 0, group = DEFAULTS.group, ...ref }) => {
      const { topic, offset, memberId, leaseToken } = ref;
      return { topic, partition, offset, group, memberId, leaseToken };
    });
    await transaction.ack(deliveries);
    return reply.code(204).send();
  });

  const offsets = { summary: 'Set the position of a group at its commit', body: schemas.CommitOffsetBody, ...within };
  routes.post('/transactions/:transaction/offsets', { schema: offsets }, async (request, reply) => {
    const transaction = await door.brokerOf(request).findTransaction(request.params.transaction);
    const { topic, ...position } = request.body;
    await transaction.commitOffset(topic, position);
    return reply.code(204).send();
  });

  const commit = { summary: 'All of it takes effect', body: NoBody, ...within };
  routes.post('/transactions/:transaction/commit', { schema: commit }, async (request, reply) => {
    const transaction = await door.brokerOf(request).findTransaction(request.params.transaction);
    await transaction.commit();
    return reply.code(204).send();
  });

  const abort = { summary: 'Nothing of it does', body: NoBody, ...within };
  routes.post('/transactions/:transaction/abort', { schema: abort }, async (request, reply) => {
    const transaction = await door.brokerOf(request).findTransaction(request.params.transaction);
    await transaction.abort();
    return reply.code(204).send();
  });
}

function addHalfRoutes(routes: Routes, door: Door): void {
  const end = {
    summary: 'What becomes of a half message',
    params: schemas.HalfPath,
    body: schemas.EndHalfBody,
    response: ok(schemas.EndHalfAnswer),
  };
  routes.post('/topics/:topic/halves/:halfId/end', { schema: end }, async (request) => {
    const { topic, halfId } = request.params;
    const { outcome } = request.body;
    return { receipt: await door.brokerOf(request).endHalf(topic, { halfId, outcome }) };
  });

  const checks = {
    summary: 'Questions to the members of a producer group',
    params: schemas.ProducerGroupPath,
    body: schemas.HalfChecksBody,
    response: ok(schemas.HalfChecksAnswer),
  };
  routes.post('/half-checks/:producerGroup', { schema: checks }, async (request) => {
    const { producerGroup } = request.params;
    const broker = door.brokerOf(request);
    // Of an answer that does not leave nothing is to be given back: its questions are asked again.
    const asked = await door.wait(
      request,
      (signal) => broker.receiveHalfChecks(producerGroup, { ...request.body, signal }),
      () => [],
    );
    return { checks: asked.map(toJson) };
  });
}
