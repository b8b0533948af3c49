/**
 * Which methods each path has: tells "no such route" (404) from "not with this method" (405), and answers OPTIONS.
 *
 * Always true: it holds every route that was added, also those of a later stage, because it is told of each. Asked only
 * about requests that found no route, so it may take its time.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { MqError } from '../../shared/contract/errors.ts';

interface Row {
  readonly pattern: RegExp;
  readonly methods: Set<string>;
}

export class RouteTable {
  /** By path as it was declared, such as `/topics/:topic`. */
  readonly #rows = new Map<string, Row>();

  add(method: string | readonly string[], path: string): void {
    const row = this.#rows.get(path) ?? { pattern: patternOf(path), methods: new Set() };
    for (const name of [method].flat()) row.methods.add(name);
    this.#rows.set(path, row);
  }

  /** For a request that matched no route. */
  answer(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const [path = ''] = request.url.split('?');
    // The asterisk stands for the whole server, and only OPTIONS may ask about that.
    const allow = path === '*' && request.method !== 'OPTIONS' ? [] : this.#methodsOf(path);
    if (allow.length === 0) throw new MqError('MQ_NOT_FOUND', `there is no route ${request.method} ${shown(path)}`);
    if (request.method === 'OPTIONS') return reply.code(204).header('allow', allow.join(', ')).send();
    throw new MqError('MQ_METHOD_NOT_ALLOWED', `${shown(path)} has ${allow.join(', ')}, not ${request.method}`, {
      details: { allow },
    });
  }

  #methodsOf(path: string): string[] {
    const decoded = decodedSegments(path);
    const rows = [...this.#rows.values()].filter(({ pattern }) => path === '*' || pattern.test(decoded));
    return [...new Set(rows.flatMap(({ methods }) => [...methods]))].sort();
  }
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/:\w+/g, '[^/]+')}$`);
}

/** As the router reads a path: decoded, but a slash inside a name separates nothing. It has refused what has no decoding. */
function decodedSegments(path: string): string {
  const segments = path.split('/').map((segment) => decodeURIComponent(segment).replaceAll('/', '%2F'));
  return segments.join('/');
}

function shown(path: string): string {
  return path.length > 100 ? `${path.slice(0, 100)}…` : path;
}
