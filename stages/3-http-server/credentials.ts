/**
 * What a request shows of its caller: the Authorization field, and the certificate of its connection.
 *
 *     Authorization: Bearer <token>                  a token
 *     Authorization: Basic base64(user:password)     user and password (RFC 7617, UTF-8)
 *     TLS with a certificate that was verified       its subject and its fingerprint
 *
 * Always true: what cannot be read is nothing shown, so the Admission refuses it; nothing of it is in a message. The server
 * calls it for each request when it has an Admission.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import type { CameFrom, ClientCertificate, Credentials } from '../../shared/admission.ts';

const AUTHORIZATION = /^(bearer|basic) +([\x21-\x7e]+)$/i;

export function credentialsOf({ headers, socket }: IncomingMessage): Credentials {
  const certificate = certificateOf(socket);
  const said = saidIn(headers.authorization);
  return certificate === undefined ? said : { ...said, certificate };
}

export function cameFrom({ socket }: IncomingMessage): CameFrom {
  return { door: 'http', address: socket.remoteAddress };
}

/** Only a certificate that was asked for and verified says anything. */
export function certificateOf(socket: Socket): ClientCertificate | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, fingerprint256 } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  if (fingerprint256 === undefined) return undefined;
  return { subject: [subject?.CN].flat()[0] ?? '', fingerprint: fingerprint256 };
}

function saidIn(authorization: string | undefined): Credentials {
  const [, scheme = '', value = ''] = AUTHORIZATION.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return { token: value };
  if (scheme.toLowerCase() !== 'basic') return {};
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon <= 0 ? {} : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
