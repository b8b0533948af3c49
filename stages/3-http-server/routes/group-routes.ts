/**
 * Groups over HTTP: create, delete, position, members, and browsing what is unfinished.
 *
 * Always true: a handler hands on what it was given and answers what the broker said. Added by the server.
 */
import type { SeekTarget } from '../../../shared/contract/description.ts';
import { invalidArgument } from '../../../shared/contract/validation.ts';
import type { Door, Routes } from '../door.ts';
import { toJson } from '../json-message.ts';
import {
  BrowseAnswer,
  BrowseQuery,
  GroupOptionsBody,
  GroupPath,
  MemberPath,
  OffsetAnswer,
  OffsetBody,
  OffsetQuery,
} from '../schemas.ts';
import { done, ok } from './answers.ts';

export function addGroupRoutes(routes: Routes, door: Door): void {
  const put = { summary: 'Create a group', params: GroupPath, body: GroupOptionsBody, response: done };
  routes.put('/topics/:topic/groups/:group', { schema: put }, async (request, reply) => {
    await door.brokerOf(request).createGroup(request.params.topic, request.params.group, request.body);
    return reply.code(204).send();
  });

  const remove = { summary: 'Delete a group with its position', params: GroupPath, response: done };
  routes.delete('/topics/:topic/groups/:group', { schema: remove }, async (request, reply) => {
    await door.brokerOf(request).deleteGroup(request.params.topic, request.params.group);
    return reply.code(204).send();
  });

  const leave = { summary: 'A member leaves its group', params: MemberPath, response: done };
  routes.delete('/topics/:topic/groups/:group/members/:memberId', { schema: leave }, async (request, reply) => {
    const { topic, group, memberId } = request.params;
    await door.brokerOf(request).leave(topic, { group, memberId });
    return reply.code(204).send();
  });

  const browse = {
    summary: 'Look at what a group has not finished',
    params: GroupPath,
    querystring: BrowseQuery,
    response: ok(BrowseAnswer),
  };
  routes.get('/topics/:topic/groups/:group/messages', { schema: browse }, async (request) => {
    const { topic, group } = request.params;
    const records = await door.brokerOf(request).browse(topic, { group, ...request.query });
    return { records: records.map(toJson) };
  });

  addOffsetRoutes(routes, door);
}

function addOffsetRoutes(routes: Routes, door: Door): void {
  const get = {
    summary: 'The next offset of a group',
    params: GroupPath,
    querystring: OffsetQuery,
    response: ok(OffsetAnswer),
  };
  routes.get('/topics/:topic/groups/:group/offset', { schema: get }, async (request) => {
    const { topic, group } = request.params;
    return { offset: await door.brokerOf(request).committed(topic, { group, ...request.query }) };
  });

  const put = { summary: 'Commit or seek', params: GroupPath, body: OffsetBody, response: ok(OffsetAnswer) };
  routes.put('/topics/:topic/groups/:group/offset', { schema: put }, async (request) => {
    const { topic, group } = request.params;
    const { op, partition, offset, to } = request.body;
    if (op === 'commit') {
      return {
        offset: await door.brokerOf(request).commit(topic, {
          group,
          partition,
          offset: given(offset, { name: 'offset', op, other: to }),
        }),
      };
    }
    const target: SeekTarget = given(to, { name: 'to', op, other: offset });
    return { offset: await door.brokerOf(request).seek(topic, { group, partition, to: target }) };
  });
}

/** The member that belongs to `op`, which must be there, while the other one must not. */
function given<T>(value: T | undefined, { name, op, other }: { name: string; op: string; other: unknown }): T {
  if (value === undefined) throw invalidArgument(name, `given with op "${op}"`);
  if (other !== undefined) throw invalidArgument('body', `without a member that does not belong to op "${op}"`);
  return value;
}
