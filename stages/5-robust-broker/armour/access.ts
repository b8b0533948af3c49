/**
 * What one principal may do with which topics.
 *
 *     { topics: "orders.*", verbs: ["publish", "consume"] }        any of the rules has to allow it; without a rule nothing is
 *
 *     publish    send, in and outside transactions
 *     consume    receive, subscribe, finish; fetch and keep positions
 *     browse     look at messages, without taking any
 *     manage     create, delete, pause, redrive
 *
 * Topics that begin with `$` are the broker's own and need a rule that does; but dead letters are also for who may consume or
 * manage the topic they come from, and half messages that nobody decided for who may manage theirs.
 *
 * Always true: what no rule allows is refused; names are compared in NFC. Pure.
 */
import { TopicScope } from './topic-scope.ts';

export const VERBS = ['publish', 'consume', 'browse', 'manage'] as const;
export type Verb = (typeof VERBS)[number];

/** Both as `TopicScope` reads them, and at least one verb. */
export interface Rule {
  readonly topics: string;
  readonly verbs: readonly Verb[];
}

const DEAD = /^\$dead\/([^/]+)\/[^/]+$/;
const UNRESOLVED = /^\$unresolved\/([^/]+)$/;

export class Access {
  readonly #rules: readonly { readonly scope: TopicScope; readonly verbs: readonly Verb[] }[];

  constructor(rules: readonly Rule[]) {
    this.#rules = rules.map(({ topics, verbs }) => ({ scope: new TopicScope(topics), verbs }));
  }

  /** False: it may do nothing at all. */
  get hasRules(): boolean {
    return this.#rules.length > 0;
  }

  /** Whether one of the verbs is allowed there. */
  may(verbs: readonly Verb[], topic: string): boolean {
    const name = topic.normalize('NFC');
    if (this.#allows(verbs, name)) return true;
    if (!verbs.some((verb) => verb !== 'publish')) return false; // the broker alone stores there
    const dead = originOf(DEAD, name);
    if (dead !== undefined) return this.#allows(isManaging(verbs) ? MANAGE : TAKE, dead);
    const unresolved = originOf(UNRESOLVED, name);
    return unresolved !== undefined && this.#allows(MANAGE, unresolved);
  }

  /** Whether the verb is allowed on every topic there is or will be whose name begins so. */
  mayAll(verb: Verb, begin: string): boolean {
    const from = begin.normalize('NFC');
    return this.#rules.some(({ scope, verbs }) => verbs.includes(verb) && scope.coversAllFrom(from));
  }

  #allows(verbs: readonly Verb[], topic: string): boolean {
    return this.#rules.some(
      ({ scope, verbs: allowed }) => scope.matches(topic) && verbs.some((verb) => allowed.includes(verb)),
    );
  }
}

const MANAGE: readonly Verb[] = ['manage'];
const TAKE: readonly Verb[] = ['consume', 'manage'];

function isManaging(verbs: readonly Verb[]): boolean {
  return verbs.every((verb) => verb === 'manage' || verb === 'publish');
}

/** The topic that a name made of it stands for. */
function originOf(made: RegExp, name: string): string | undefined {
  return made.exec(name)?.[1]?.replaceAll('%2F', '/').replaceAll('%25', '%');
}
