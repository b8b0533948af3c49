/**
 * TLS of every door and of every client: one shape of options, checked before anything listens or connects.
 *
 * Always true: a key or certificate that cannot be used is `MQ_INVALID_ARGUMENT`, and nothing of a key is in the message;
 * nothing older than TLS 1.2 is spoken. A certificate of a client is asked for only where that is wanted, and whoever has none, or
 * one that nobody we trust signed, comes in like anybody else: what he may do, the Admission says.
 */
import type { Server } from 'node:net';
import {
  createSecureContext,
  type TlsOptions as NodeTlsOptions,
  type SecureContextOptions,
  Server as TlsServer,
} from 'node:tls';
import { checkChoice, checkOptions, invalidArgument } from '../../shared/contract/validation.ts';

/** PEM, as text or as its bytes. */
export type Pem = string | Uint8Array;

/** Of a server. */
export interface TlsOptions {
  /** Its certificate, and those that lead from it to one that callers trust. */
  readonly cert: Pem;
  readonly key: Pem;
  /** Who signs the certificates of clients. */
  readonly ca?: Pem;
  /** True: a client may show a certificate; one that `ca` signed is given to the Admission. Default false. */
  readonly requestCertificate?: boolean;
  /** Default `TLSv1.2`. */
  readonly minVersion?: TlsVersion;
}

/** Of a client. */
export interface ClientTlsOptions {
  /** Whom to trust instead of those whom Node trusts: for servers with a certificate of their own making. */
  readonly ca?: Pem;
  /** A certificate to show, beside its key. */
  readonly cert?: Pem;
  readonly key?: Pem;
}

/** The oldest that is spoken. */
export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';
const VERSIONS: readonly TlsVersion[] = ['TLSv1.2', 'TLSv1.3'];
/** `SSL routines::` and the like, which say nothing to whoever reads them. */
const ROUTINES = /^.*routines:[^:]*:/;

/** Options of a server that has TLS; undefined where it has none. */
export function checkTls(path: string, tls: TlsOptions | undefined): TlsOptions | undefined {
  if (tls === undefined) return undefined;
  checkOptions(path, tls, ['cert', 'key', 'ca', 'requestCertificate', 'minVersion']);
  for (const name of ['cert', 'key'] as const) checkPem(`${path}.${name}`, tls[name] ?? null);
  checkPem(`${path}.ca`, tls.ca);
  const { requestCertificate } = tls;
  if (requestCertificate !== undefined && typeof requestCertificate !== 'boolean') {
    throw invalidArgument(`${path}.requestCertificate`, 'true or false', requestCertificate);
  }
  checkChoice(`${path}.minVersion`, tls.minVersion, VERSIONS, 'TLSv1.2');
  checkContext(path, secureContextOf(tls));
  return tls;
}

/** Options of a client; undefined where there are none. */
export function checkClientTls(path: string, tls: ClientTlsOptions | undefined): ClientTlsOptions | undefined {
  if (tls === undefined) return undefined;
  checkOptions(path, tls, ['ca', 'cert', 'key']);
  for (const name of ['ca', 'cert', 'key'] as const) checkPem(`${path}.${name}`, tls[name]);
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw invalidArgument(
      `${path}.${tls.cert === undefined ? 'cert' : 'key'}`,
      'given: a certificate and its key go together',
    );
  }
  checkContext(path, clientContextOf(tls));
  return tls;
}

/** What a server can change while it runs. */
export function secureContextOf({ cert, key, ca, minVersion = 'TLSv1.2' }: TlsOptions): SecureContextOptions {
  return { cert: asNode(cert), key: asNode(key), minVersion, ...(ca === undefined ? {} : { ca: asNode(ca) }) };
}

/** What Node's servers take. */
export function serverTlsOf(tls: TlsOptions, handshakeTimeout: number): NodeTlsOptions {
  const { requestCertificate = false } = tls;
  return { ...secureContextOf(tls), requestCert: requestCertificate, rejectUnauthorized: false, handshakeTimeout };
}

/** Whether the certificate of this one can be changed. */
export function isTlsServer(server: Server): server is TlsServer {
  return server instanceof TlsServer;
}

/** What Node's clients take. */
export function clientContextOf({ ca, cert, key }: ClientTlsOptions): SecureContextOptions {
  const given = Object.entries({ ca, cert, key }).filter(([, pem]) => pem !== undefined);
  return { minVersion: 'TLSv1.2', ...Object.fromEntries(given.map(([name, pem]) => [name, asNode(pem as Pem)])) };
}

function asNode(pem: Pem): string | Buffer {
  return typeof pem === 'string' ? pem : Buffer.from(pem);
}

function checkPem(path: string, pem: unknown): void {
  if (pem === undefined || (typeof pem === 'string' && pem !== '') || pem instanceof Uint8Array) return;
  // The value is not shown: it may be a key, only in the wrong wrapping.
  throw invalidArgument(path, 'PEM, as text or bytes');
}

/** What is wrong with a key OpenSSL says in its own words. */
function checkContext(path: string, options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(ROUTINES, '') : String(error);
    throw invalidArgument(path, `a certificate with its key, which can be used (${why})`);
  }
}
