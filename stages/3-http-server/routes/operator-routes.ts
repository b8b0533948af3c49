/**
 * What somebody does who looks after a broker: pause and resume, bring dead letters back or drop them, ask where a
 * message is.
 *
 *     PUT    …/pause    nothing is handed out         POST …/dead-letters/redrive    back to the group they died for
 *     DELETE …/pause    as before                     POST …/dead-letters/drop       gone
 *
 * Always true: a handler hands on what it was given and answers what the broker said. Added by the server.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { Door, Routes } from '../door.ts';
import { CountAnswer, DeadLettersBody, ExplainQuery, GroupPath, NoBody, TopicPath } from '../schemas.ts';
import { done, ExplainAnswer, ok } from './answers.ts';

export function addOperatorRoutes(routes: Routes, door: Door): void {
  addPauseRoutes(routes, door);
  addDeadLetterRoutes(routes, door);

  const explain = {
    summary: 'Where a message is, and how it came there',
    params: TopicPath,
    querystring: ExplainQuery,
    response: ok(ExplainAnswer),
  };
  routes.get('/topics/:topic/explain', { schema: explain }, async (request) => {
    const broker = door.brokerOf(request);
    if (broker.explain === undefined) {
      throw new MqError('MQ_NOT_SUPPORTED', 'this broker does not explain where its messages are');
    }
    return { explanation: await broker.explain(request.params.topic, request.query) };
  });
}

function addPauseRoutes(routes: Routes, door: Door): void {
  const put = { summary: 'Hand out nothing of a topic', params: TopicPath, body: NoBody, response: done };
  routes.put('/topics/:topic/pause', { schema: put }, async (request, reply) => {
    await door.brokerOf(request).pause(request.params.topic);
    return reply.code(204).send();
  });

  const remove = { summary: 'Hand out a topic again', params: TopicPath, response: done };
  routes.delete('/topics/:topic/pause', { schema: remove }, async (request, reply) => {
    await door.brokerOf(request).resume(request.params.topic);
    return reply.code(204).send();
  });

  const putGroup = { summary: 'Hand out nothing to a group', params: GroupPath, body: NoBody, response: done };
  routes.put('/topics/:topic/groups/:group/pause', { schema: putGroup }, async (request, reply) => {
    const { topic, group } = request.params;
    await door.brokerOf(request).pause(topic, { group });
    return reply.code(204).send();
  });

  const removeGroup = { summary: 'Hand out to a group again', params: GroupPath, response: done };
  routes.delete('/topics/:topic/groups/:group/pause', { schema: removeGroup }, async (request, reply) => {
    const { topic, group } = request.params;
    await door.brokerOf(request).resume(topic, { group });
    return reply.code(204).send();
  });
}

function addDeadLetterRoutes(routes: Routes, door: Door): void {
  const letters = { params: GroupPath, body: DeadLettersBody, response: ok(CountAnswer) };

  const redrive = { summary: 'Bring dead letters back to their group', ...letters };
  routes.post('/topics/:topic/groups/:group/dead-letters/redrive', { schema: redrive }, async (request) => {
    const { topic, group } = request.params;
    return { count: await door.brokerOf(request).redrive(topic, { group, ...request.body }) };
  });

  const drop = { summary: 'Delete dead letters', ...letters };
  routes.post('/topics/:topic/groups/:group/dead-letters/drop', { schema: drop }, async (request) => {
    const { topic, group } = request.params;
    return { count: await door.brokerOf(request).dropDeadLetters(topic, { group, ...request.body }) };
  });
}
