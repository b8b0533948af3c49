/**
 * Receiving, and finishing, giving back or prolonging what was received.
 *
 * Always true: a long poll whose caller goes claims nothing; deliveries whose answer does not leave go back.
 * Added by the server.
 */
import { DEFAULTS } from '../../../shared/contract/limits.ts';
import type { DeliveryRef } from '../../../shared/contract/message.ts';
import { invalidArgument } from '../../../shared/contract/validation.ts';
import type { Door, Routes } from '../door.ts';
import { toJson } from '../json-message.ts';
import { AckBody, ExtendAnswer, ExtendBody, NackBody, ReceiveAnswer, ReceiveBody, TopicPath } from '../schemas.ts';
import { done, ok } from './answers.ts';

export function addDeliveryRoutes(routes: Routes, door: Door): void {
  const post = { summary: 'Receive deliveries', params: TopicPath, body: ReceiveBody, response: ok(ReceiveAnswer) };
  routes.post('/topics/:topic/deliveries', { schema: post }, async (request, reply) => {
    const broker = door.brokerOf(request);
    const deliveries = await door.wait(
      request,
      (signal) => broker.receive(request.params.topic, { ...request.body, signal }),
      () => [],
    );
    if (deliveries.length > 0) door.returnUnlessSent(deliveries, request, reply);
    return { deliveries: deliveries.map(toJson) };
  });

  const ack = { summary: 'Finish deliveries', params: TopicPath, body: AckBody, response: done };
  routes.post('/topics/:topic/deliveries/ack', { schema: ack }, async (request, reply) => {
    const { deliveries, cumulative } = request.body;
    const refs = deliveries.map((delivery, index) => refOf(delivery, request.params.topic, `deliveries[${index}]`));
    await door.brokerOf(request).ack(refs, { cumulative });
    return reply.code(204).send();
  });

  const nack = { summary: 'Give a delivery back', params: TopicPath, body: NackBody, response: done };
  routes.post('/topics/:topic/deliveries/nack', { schema: nack }, async (request, reply) => {
    const { delivery, ...options } = request.body;
    await door.brokerOf(request).nack(refOf(delivery, request.params.topic, 'delivery'), options);
    return reply.code(204).send();
  });

  const extend = { summary: 'Prolong a lease', params: TopicPath, body: ExtendBody, response: ok(ExtendAnswer) };
  routes.post('/topics/:topic/deliveries/extend', { schema: extend }, async (request) => {
    const { delivery, leaseMs } = request.body;
    const ref = refOf(delivery, request.params.topic, 'delivery');
    return { leaseExpiresAt: await door.brokerOf(request).extendLease(ref, { leaseMs }) };
  });
}

/** The delivery a caller means: the topic is that of the path, and what it leaves out has its default. */
function refOf(
  delivery: Pick<DeliveryRef, 'offset' | 'memberId' | 'leaseToken'> & Partial<DeliveryRef>,
  topic: string,
  path: string,
): DeliveryRef {
  const { partition = 0, offset, group = DEFAULTS.group, memberId, leaseToken } = delivery;
  if (delivery.topic !== undefined && delivery.topic.normalize('NFC') !== topic.normalize('NFC')) {
    throw invalidArgument(`${path}.topic`, 'the topic of the path', delivery.topic);
  }
  return { topic, partition, offset, group, memberId, leaseToken };
}
