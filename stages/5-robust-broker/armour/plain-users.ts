/** Users without a file: one token for everything, or nobody who is asked for anything. Pure. */
import { createHash } from 'node:crypto';
import { Access, type Rule, VERBS } from './access.ts';
import type { Users } from './users.ts';

/** Whom the token of a server stands for. */
const OPERATOR = 'operator';

/** Every topic, and those of the broker. */
const EVERYTHING: readonly Rule[] = [
  { topics: '*', verbs: VERBS },
  { topics: '$*', verbs: VERBS },
];

/** Whoever has the token may do everything; without one, everybody may. */
export function plainUsers(token: string | undefined): Users {
  const rights = { rules: EVERYTHING, access: new Access(EVERYTHING), quota: {} };
  if (token === undefined) return { users: new Map(), anonymous: rights, topicQuotas: [] };
  const tokens = new Map([['server', createHash('sha256').update(token).digest()]]);
  const operator = { name: OPERATOR, password: undefined, tokens, certificates: [], ...rights };
  return { users: new Map([[OPERATOR, operator]]), anonymous: undefined, topicQuotas: [] };
}
