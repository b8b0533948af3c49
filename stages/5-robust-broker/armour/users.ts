/**
 * Who there is and what they may do, as `users.json` has it.
 *
 *     {
 *       "users": {
 *         "shop": {
 *           "password":     { "cost": 32768, "blockSize": 8, "parallelization": 1, "salt": "...", "digest": "..." },
 *           "tokens":       { "ci": "<SHA-256 of the token, hexadecimal>" },
 *           "certificates": [{ "subject": "shop.example" }, { "fingerprint": "AB:CD:..." }],
 *           "rules":        [{ "topics": "orders.*", "verbs": ["publish", "consume"] }],
 *           "quota":        { "sendBytesPerSecond": 1000000, "connectionsCountMax": 100 }
 *         }
 *       },
 *       "anonymous": { "rules": [{ "topics": "news", "verbs": ["consume"] }] },
 *       "topics":    [{ "topics": "logs.*", "sendMessagesPerSecond": 1000 }]
 *     }
 *
 * Every member may be left out. Always true: what is misspelt or of the wrong type is refused with its path; no secret
 * stands in it, and no digest in a message. Pure.
 */
import { checkInteger, describeValue, invalidArgument, memberPath } from '../../../shared/contract/validation.ts';
import { Access, type Rule, VERBS, type Verb } from './access.ts';
import { asObject, checkedObject } from './checked-object.ts';
import { checkPasswordRecord, type PasswordRecord } from './passwords.ts';
import { PRINCIPAL_NAME } from './principal.ts';
import { type ClientQuota, RATE_NAMES, type TopicQuota } from './quotas.ts';
import { scopeFault } from './topic-scope.ts';

/** What proves who somebody is without a password; one of the two. */
export interface CertificateName {
  readonly subject?: string;
  readonly fingerprint?: string;
}

/** What one principal may do, and use up. */
export interface Rights {
  readonly rules: readonly Rule[];
  readonly access: Access;
  readonly quota: ClientQuota;
}

export interface User extends Rights {
  readonly name: string;
  readonly password: PasswordRecord | undefined;
  /** SHA-256, 32 bytes, by the name of the token. */
  readonly tokens: ReadonlyMap<string, Uint8Array>;
  readonly certificates: readonly CertificateName[];
}

export interface Users {
  readonly users: ReadonlyMap<string, User>;
  /** Of callers who show nothing; undefined: they are refused. */
  readonly anonymous: Rights | undefined;
  readonly topicQuotas: readonly TopicQuota[];
}

/** Of callers who show nothing. */
export const ANONYMOUS = 'anonymous';
const USERS_COUNT_MAX = 10_000;
const LIST_COUNT_MAX = 1000;
const RATE = { min: 1, max: 1e12, fallback: Number.NaN };
const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER, fallback: Number.NaN };

/** `value` is the parsed JSON. Throws `MQ_INVALID_ARGUMENT` with the path of what is wrong. */
export function checkUsers(value: unknown): Users {
  const {
    users: given = {},
    anonymous,
    topics = [],
  } = checkedObject('users.json', value, ['users', 'anonymous', 'topics']);
  const users = new Map<string, User>();
  for (const [name, user] of entriesOf('users', given, USERS_COUNT_MAX)) {
    if (!PRINCIPAL_NAME.test(name) || name === ANONYMOUS) {
      throw invalidArgument(memberPath('users', name), 'named by 1 to 64 of A-Z a-z 0-9 . _ @ -, and not "anonymous"');
    }
    users.set(name, checkUser(memberPath('users', name), name, user));
  }
  checkUnique([...users.values()]);
  return {
    users,
    anonymous: anonymous === undefined ? undefined : checkAnonymous('anonymous', anonymous),
    topicQuotas: listOf('topics', topics).map((quota, index) => checkTopicQuota(`topics[${index}]`, quota)),
  };
}

function checkUser(path: string, name: string, value: unknown): User {
  const {
    password,
    tokens = {},
    certificates = [],
    rules,
    quota,
  } = checkedObject(path, value, ['password', 'tokens', 'certificates', 'rules', 'quota']);
  return {
    name,
    password: password === undefined ? undefined : checkPasswordRecord(`${path}.password`, password),
    tokens: new Map(
      entriesOf(`${path}.tokens`, tokens, LIST_COUNT_MAX).map(([token, digest]) => [
        token,
        checkDigest(memberPath(`${path}.tokens`, token), digest),
      ]),
    ),
    certificates: listOf(`${path}.certificates`, certificates).map((certificate, index) =>
      checkCertificate(`${path}.certificates[${index}]`, certificate),
    ),
    ...checkRights(path, { rules, quota }),
  };
}

function checkAnonymous(path: string, value: unknown): Rights {
  return checkRights(path, checkedObject(path, value, ['rules', 'quota']));
}

function checkRights(path: string, { rules = [], quota = {} }: { readonly rules?: unknown; readonly quota?: unknown }) {
  const checked = listOf(`${path}.rules`, rules).map((rule, index) => checkRule(`${path}.rules[${index}]`, rule));
  return { rules: checked, access: new Access(checked), quota: checkClientQuota(`${path}.quota`, quota) };
}

export function checkRule(path: string, value: unknown): Rule {
  const { topics, verbs } = checkedObject(path, value, ['topics', 'verbs']);
  if (!Array.isArray(verbs) || verbs.length === 0) {
    throw invalidArgument(`${path}.verbs`, `a list of ${VERBS.join(', ')}`, verbs);
  }
  for (const [index, verb] of verbs.entries()) {
    if (!VERBS.includes(verb)) throw invalidArgument(`${path}.verbs[${index}]`, `one of ${VERBS.join(', ')}`, verb);
  }
  return { topics: checkPattern(`${path}.topics`, topics), verbs: verbs as readonly Verb[] };
}

function checkPattern(path: string, pattern: unknown): string {
  const fault = scopeFault(pattern);
  if (fault !== undefined) throw invalidArgument(path, fault, pattern);
  return pattern as string;
}

export function checkClientQuota(path: string, value: unknown): ClientQuota {
  return checkNumbers(
    path,
    checkedObject(path, value, [...RATE_NAMES, 'inFlightCountMax', 'transactionsCountMax', 'connectionsCountMax']),
  );
}

function checkTopicQuota(path: string, value: unknown): TopicQuota {
  const { topics, ...rates } = checkedObject(path, value, ['topics', ...RATE_NAMES]);
  return { topics: checkPattern(`${path}.topics`, topics), ...checkNumbers(path, rates) };
}

function checkNumbers(path: string, value: Readonly<Record<string, unknown>>): ClientQuota {
  const numbers = Object.entries(value).map(([name, number]) => {
    if (number === undefined || number === null) throw invalidArgument(`${path}.${name}`, 'a whole number', number);
    return [name, checkInteger(`${path}.${name}`, number, name.endsWith('CountMax') ? COUNT : RATE)];
  });
  return Object.fromEntries(numbers) as ClientQuota;
}

function checkDigest(path: string, digest: unknown): Uint8Array {
  // The value is not shown: somebody may have put the token itself there.
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/i.test(digest)) {
    throw invalidArgument(path, 'the SHA-256 of the token, 64 hexadecimal digits (mq user add makes it)');
  }
  return Buffer.from(digest, 'hex');
}

const FINGERPRINT = /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/;

function checkCertificate(path: string, value: unknown): CertificateName {
  const { subject, fingerprint } = checkedObject(path, value, ['subject', 'fingerprint']);
  if ((subject === undefined) === (fingerprint === undefined)) {
    throw invalidArgument(path, 'an object with one of subject and fingerprint');
  }
  if (fingerprint !== undefined) {
    if (typeof fingerprint !== 'string' || !FINGERPRINT.test(fingerprint.toUpperCase())) {
      throw invalidArgument(`${path}.fingerprint`, 'a SHA-256 in pairs of hexadecimal digits with colons', fingerprint);
    }
    return { fingerprint: fingerprint.toUpperCase() };
  }
  if (typeof subject !== 'string' || subject === '') {
    throw invalidArgument(`${path}.subject`, 'the common name of a certificate', subject);
  }
  return { subject };
}

/** One token or certificate is one user's. */
function checkUnique(users: readonly User[]): void {
  const owners = new Map<string, string>();
  for (const { name, tokens, certificates } of users) {
    const digests = [...tokens.values()].map((digest) => `token ${Buffer.from(digest).toString('hex')}`);
    for (const proof of [...digests, ...certificates.map((certificate) => JSON.stringify(certificate))]) {
      const owner = owners.get(proof);
      const what = proof.startsWith('token ') ? 'tokens' : 'certificates';
      if (owner !== undefined) {
        throw invalidArgument(`${memberPath('users', name)}.${what}`, `unlike those of ${describeValue(owner)}`);
      }
      owners.set(proof, name);
    }
  }
}

function entriesOf(path: string, value: unknown, countMax: number): [string, unknown][] {
  const entries = Object.entries(asObject(path, value));
  if (entries.length > countMax) throw invalidArgument(path, `an object with at most ${countMax} members`);
  return entries;
}

function listOf(path: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw invalidArgument(path, 'a list');
  if (value.length > LIST_COUNT_MAX) throw invalidArgument(path, `a list of at most ${LIST_COUNT_MAX}`);
  return value;
}
