/**
 * Topics over HTTP: create, describe, delete, look inside.
 *
 * Always true: a handler hands on what it was given and answers what the broker said. Added by the server.
 */
import { MqError } from '../../../shared/contract/errors.ts';
import type { Door, Routes } from '../door.ts';
import { InsideQuery, TopicOptionsBody, TopicPath } from '../schemas.ts';
import { DescriptionAnswer, DescriptionsAnswer, done, InsideAnswer, ok } from './answers.ts';

export function addTopicRoutes(routes: Routes, door: Door): void {
  routes.get(
    '/topics',
    { schema: { summary: 'Describe all topics', response: ok(DescriptionsAnswer) } },
    async (request) => {
      return { topics: await door.brokerOf(request).describeTopics() };
    },
  );

  const put = { summary: 'Create a topic', params: TopicPath, body: TopicOptionsBody, response: done };
  routes.put('/topics/:topic', { schema: put }, async (request, reply) => {
    await door.brokerOf(request).createTopic(request.params.topic, request.body);
    return reply.code(204).send();
  });

  const get = { summary: 'Describe a topic', params: TopicPath, response: ok(DescriptionAnswer) };
  routes.get('/topics/:topic', { schema: get }, async (request) => {
    const [description] = await door.brokerOf(request).describeTopics({ topic: request.params.topic });
    return description;
  });

  const remove = { summary: 'Delete a topic with its messages and groups', params: TopicPath, response: done };
  routes.delete('/topics/:topic', { schema: remove }, async (request, reply) => {
    await door.brokerOf(request).deleteTopic(request.params.topic);
    return reply.code(204).send();
  });

  const inside = {
    summary: 'A snapshot of the inside of a topic',
    params: TopicPath,
    querystring: InsideQuery,
    response: ok(InsideAnswer),
  };
  routes.get('/topics/:topic/inside', { schema: inside }, async (request) => {
    const broker = door.brokerOf(request);
    if (broker.inspect === undefined) throw new MqError('MQ_NOT_SUPPORTED', 'this broker does not show its inside');
    return broker.inspect(request.params.topic, request.query);
  });
}
