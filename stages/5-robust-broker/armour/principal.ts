/**
 * One who was let in, as the views in front of the broker ask it.
 *
 * Always true: rights are asked for at every call, so that what is taken away is gone at once; the names that a principal
 * chooses for itself (of transactions, producers and producer groups) are its own: `jobs` of one is not `jobs` of another.
 */
import { whoseGroup } from '../../../shared/admission.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import type { Limits } from '../../../shared/contract/limits.ts';
import { checkName, quote } from '../../../shared/contract/validation.ts';
import { type Access, VERBS, type Verb } from './access.ts';
import type { Belongings } from './belongings.ts';

/** What a principal may be called: what needs no quotes anywhere, and has no `:`. */
export const PRINCIPAL_NAME = /^[A-Za-z0-9._@-]{1,64}$/;
const TEMPORARY = '$temp/';

export interface PrincipalOptions {
  /** Matches `PRINCIPAL_NAME`. */
  readonly name: string;
  /** undefined: there is no such principal any more. */
  readonly accessNow: () => Access | undefined;
  readonly belongings: Belongings;
}

export class Principal {
  readonly name: string;
  readonly belongings: Belongings;
  readonly #accessNow: () => Access | undefined;

  constructor({ name, accessNow, belongings }: PrincipalOptions) {
    this.name = name;
    this.belongings = belongings;
    this.#accessNow = accessNow;
  }

  may(verbs: readonly Verb[], topic: string): boolean {
    const access = this.#access();
    if (!topic.startsWith(TEMPORARY)) return access.may(verbs, topic);
    // Whoever knows the name was told it by its owner.
    if (verbs.includes('publish')) return access.hasRules;
    return this.belongings.temporaryTopics.of(topic) === this.name || access.may(verbs, topic);
  }

  /** Whether it is told that there is such a topic. */
  sees(topic: string): boolean {
    // Who sees the name could answer in the place of who was asked.
    return this.may(topic.startsWith(TEMPORARY) ? ['consume', 'browse', 'manage'] : VERBS, topic);
  }

  /** Throws `MQ_FORBIDDEN`. */
  check(verbs: readonly Verb[], topic: string): void {
    if (!this.may(verbs, topic)) throw this.forbidden(`${verbs.join(' or ')} on topic ${quote(topic)}`);
  }

  /** Throws `MQ_FORBIDDEN` for a group that is another's own: what waits there is for nobody else. */
  checkGroup(group: unknown): void {
    if (whoseGroup(group, this.name) === 'another')
      throw this.forbidden(`read as group ${quote(String(group))}, which is another's`);
  }

  /** True for a group that is its own, and not of nobody in particular. */
  owns(group: unknown): boolean {
    return whoseGroup(group, this.name) === 'own';
  }

  /** For what has no topic: it has at least one rule. Throws `MQ_FORBIDDEN`. */
  checkAny(what: string): void {
    if (!this.#access().hasRules) throw this.forbidden(what);
  }

  mayAll(verb: Verb, begin: string): boolean {
    return this.#access().mayAll(verb, begin);
  }

  /** `what` completes "... may not". */
  forbidden(what: string): MqError {
    return new MqError('MQ_FORBIDDEN', `${quote(this.name)} may not ${what}`);
  }

  /** A name that nobody else can say. */
  ownName(path: string, name: unknown, limits: Limits): string {
    return `${this.name}:${checkName(path, name, limits)}`;
  }

  /** The name as the principal said it. */
  saidName(ownName: string): string {
    return ownName.startsWith(`${this.name}:`) ? ownName.slice(this.name.length + 1) : ownName;
  }

  #access(): Access {
    const access = this.#accessNow();
    if (access === undefined) throw new MqError('MQ_UNAUTHORIZED', 'these credentials are not valid any more');
    return access;
  }
}
