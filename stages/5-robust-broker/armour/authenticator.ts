/**
 * From what a caller shows to who it is.
 *
 *     token         its SHA-256 is compared with all there are
 *     password      a token, since MQTT and OpenWire have no other place for one; else the scrypt of it, a few at a time
 *     certificate   its fingerprint, else the common name of its subject
 *     nothing       the anonymous one, where there is one
 *
 * Always true (I20): whatever is wrong (no such user, no password, an empty one, one with NUL) is refused with the same
 * words and after the same work; secrets are compared in constant time; wrong ones make their address wait, while a right
 * token, and a password that was right lately, still come in from there.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { CameFrom, Credentials } from '../../../shared/admission.ts';
import type { Clock } from '../../../shared/clock.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { FailedAttempts, networkOf } from './failed-attempts.ts';
import { type Derive, deriveWithScrypt, isPassword, NOBODYS_RECORD } from './passwords.ts';
import { ScryptDesk } from './scrypt-desk.ts';
import { ANONYMOUS, type Users } from './users.ts';

export interface AuthenticatorOptions {
  readonly users: Users;
  readonly clock: Clock;
  /** Default: scrypt. */
  readonly derive?: Derive;
  readonly attempts?: FailedAttempts;
}

export class Authenticator {
  readonly #desk: ScryptDesk;
  readonly #attempts: FailedAttempts;
  #users: Users;

  constructor({ users, clock, derive = deriveWithScrypt, attempts }: AuthenticatorOptions) {
    this.#users = users;
    this.#desk = new ScryptDesk({ clock, derive });
    this.#attempts = attempts ?? new FailedAttempts({ clock });
  }

  /** From now on these are the users. */
  replaceUsers(users: Users): void {
    this.#users = users;
    this.#desk.forget();
  }

  /** The name of the principal; rejects with `MQ_UNAUTHORIZED` or `MQ_RATE_LIMITED`. */
  async nameOf(credentials: Credentials, from: CameFrom): Promise<string> {
    const { token, user, password, certificate } = credentials;
    const isShowing = token !== undefined || user !== undefined || password !== undefined || certificate !== undefined;
    if (!isShowing) {
      if (this.#users.anonymous !== undefined) return ANONYMOUS;
      throw new MqError('MQ_UNAUTHORIZED', 'this broker asks for a token, a user and password, or a certificate');
    }
    const name = await this.#nameIn(credentials, from);
    if (name !== undefined) return name;
    // Who is made to wait is not made to wait longer by others who come from there too.
    const waitMs = this.#attempts.waitMs(from.address);
    if (waitMs > 0) throw tooManyAttempts(waitMs);
    this.#attempts.note(from.address);
    throw new MqError('MQ_UNAUTHORIZED', 'these credentials are not valid');
  }

  async #nameIn({ token, user, password, certificate }: Credentials, from: CameFrom): Promise<string | undefined> {
    if (token !== undefined) return this.#nameOfToken(token);
    const tokensOwner = password === undefined ? undefined : this.#nameOfToken(password);
    if (tokensOwner !== undefined) return tokensOwner;
    if (user !== undefined || password !== undefined) return await this.#nameOfUser(user, password, from);
    const { subject, fingerprint } = certificate ?? {};
    return (
      this.#nameOfCertificate((known) => known.fingerprint !== undefined && known.fingerprint === fingerprint) ??
      this.#nameOfCertificate((known) => known.subject !== undefined && known.subject === subject)
    );
  }

  /** Looks at all of them, whichever it is. */
  #nameOfToken(token: string): string | undefined {
    const digest = createHash('sha256').update(token).digest();
    let found: string | undefined;
    for (const { name, tokens } of this.#users.users.values()) {
      for (const known of tokens.values()) if (timingSafeEqual(known, digest)) found = name;
    }
    return found;
  }

  async #nameOfUser(user = '', password = '', from: CameFrom): Promise<string | undefined> {
    const claim = { user, password, network: networkOf(from.address) };
    if (this.#desk.isKnown(claim)) return user;
    const waitMs = this.#attempts.waitMs(from.address);
    if (waitMs > 0) throw tooManyAttempts(waitMs);
    const record = isPassword(password) ? this.#users.users.get(user)?.password : undefined;
    const isRight = await this.#desk.isRight(claim, record ?? NOBODYS_RECORD);
    return isRight && record !== undefined ? user : undefined;
  }

  #nameOfCertificate(isIt: (known: { readonly subject?: string; readonly fingerprint?: string }) => boolean) {
    for (const { name, certificates } of this.#users.users.values()) if (certificates.some(isIt)) return name;
    return undefined;
  }
}

function tooManyAttempts(waitMs: number): MqError {
  const message = `too many wrong credentials came from your address; try again in ${waitMs} ms`;
  return new MqError('MQ_RATE_LIMITED', message, { details: { retryAfterMs: waitMs } });
}
