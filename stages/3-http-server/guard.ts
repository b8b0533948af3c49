/**
 * Who may ask: the checks a request passes before it reaches a route.
 *
 *     request --> unambiguous? --> one Host, and ours? --> asked by our own page? --> admitted? --> route
 *
 * Always true: a request is refused by what its headers say, before a byte of its body is read. The server runs it in front
 * of every route, and asks its Admission behind it.
 */
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import { MqError } from '../../shared/contract/errors.ts';
import type { CheckedServerOptions } from './server-options.ts';

/** The error to answer with, or undefined: go on. */
export type Guard = (request: IncomingMessage) => MqError | undefined;

const SAFE_METHODS: ReadonlySet<string | undefined> = new Set(['GET', 'HEAD', 'OPTIONS']);
/** What a browser writes into Sec-Fetch-Site when another site's page asks. */
const FOREIGN_SITES: ReadonlySet<unknown> = new Set(['cross-site', 'same-site']);
/** `name`, `name:port`, `[v6]:port`. */
const HOST_FIELD = /^(\[[0-9a-f:.]+\]|[^\s:[\]/@]+)(:\d{1,5})?$/;
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '[::]']);

export function createGuard(options: Pick<CheckedServerOptions, 'host' | 'allowedHosts'>): Guard {
  const isOurHost = hostCheck(options);
  /** The last Host that passed: nearly always the next one too. */
  let familiarHost: string | undefined;
  // I5: headers are all it looks at.
  return (request) => {
    const { headers, method, url = '' } = request;
    const { host } = headers;
    if (!url.startsWith('/') && url !== '*') return new MqError('MQ_INVALID_ARGUMENT', 'the target must be a path');
    const coding = headers['transfer-encoding'];
    if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
      return new MqError('MQ_INVALID_ARGUMENT', 'the one Transfer-Encoding is chunked');
    }
    if (host === undefined || isRepeated(request.rawHeaders, 'host')) {
      return new MqError('MQ_INVALID_ARGUMENT', 'there must be one Host');
    }
    if (host !== familiarHost) {
      if (!isOurHost(host)) return foreignHost(host);
      familiarHost = host;
    }
    if (headers.expect !== undefined && headers.expect.toLowerCase() !== '100-continue') {
      return new MqError('MQ_INVALID_ARGUMENT', 'the one Expect is 100-continue');
    }
    if (!SAFE_METHODS.has(method)) {
      const { origin } = headers;
      if (origin !== undefined && !isSameHost(origin, host)) return foreignPage('Origin is another host');
      if (FOREIGN_SITES.has(headers['sec-fetch-site'])) return foreignPage('a page of another site asks');
    }
    return undefined;
  };
}

/** Whether a Host field names this server; `host` is where it listens. */
export function hostCheck({
  host,
  allowedHosts,
}: {
  host: string;
  allowedHosts: readonly string[];
}): (field: string) => boolean {
  const allowed = new Set([host, ...allowedHosts, 'localhost'].map((name) => canonical(name)));
  const isBoundToAll = EVERY_ADDRESS.has(host);
  return (field) => {
    const match = HOST_FIELD.exec(field.toLowerCase());
    if (match === null) return false;
    const name = canonical(match[1] ?? '');
    if (allowed.has(name)) return true;
    // An address cannot be rebound by a name server; only a name can.
    return isBoundToAll ? isIP(name) !== 0 : name === '::1' || (isIPv4(name) && name.startsWith('127.'));
  };
}

/** Lower case, without the brackets of an IPv6 address and the dot of a complete name. */
function canonical(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
}

function isRepeated(rawHeaders: readonly string[], name: string): boolean {
  let count = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const field = rawHeaders[at];
    if (field?.length === name.length && field.toLowerCase() === name) count += 1;
  }
  return count > 1;
}

function isSameHost(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase();
}

function foreignHost(host: string): MqError {
  const shown = JSON.stringify(host.slice(0, 100));
  return new MqError('MQ_FORBIDDEN', `this server is not called with Host ${shown}; allowedHosts can add a name`);
}

function foreignPage(why: string): MqError {
  return new MqError('MQ_FORBIDDEN', `a page may change only what is on its own host: ${why}`);
}
