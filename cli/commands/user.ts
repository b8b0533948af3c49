/**
 * `mq user add|remove|list`: who may come into a server that runs with `--users`, in the file it reads.
 *
 * Always true: a password comes from a prompt or from standard input; a token is printed once, when it is made, and kept as
 * its digest; `list` shows no secret and no digest.
 */
import { createHash, randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError, usageError } from '../exit.ts';
import * as option from '../options.ts';
import { readNewPassword } from '../secret-input.ts';
import { openUserTools, type Users } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { printable, tableLines } from '../text.ts';
import { changeUsersFile, DEFAULT_USERS_FILE, readUsersFile, type UsersJson } from '../users-file.ts';

const TOKEN_BYTES = 24;

interface UserFlags {
  readonly users: string;
  readonly json?: boolean;
}

interface AddFlags extends UserFlags {
  readonly password?: boolean;
  readonly newToken?: string;
  readonly certificate?: readonly CertificateJson[];
  readonly rule?: readonly RuleJson[];
}

type CertificateJson = { readonly subject: string } | { readonly fingerprint: string };
type RuleJson = { readonly topics: string; readonly verbs: readonly string[] };

/** What may stand under a name in the file. */
interface UserJson {
  readonly password?: unknown;
  readonly tokens?: Readonly<Record<string, string>>;
  readonly certificates?: readonly unknown[];
  readonly rules?: readonly unknown[];
}

export function define(command: Command, terminal: Terminal): void {
  const add = addSubcommand(command, 'add <name>', 'add a user, or something to one')
    .option('--password', 'ask for a password (default, when nothing else proves who it is)')
    .option('--new-token <label>', 'make a token and print it, this once')
    .option('--certificate <name>', 'subject=<common name> or fingerprint=<SHA-256>; may be repeated', certificate)
    .option('--rule <rule>', 'what it may do, such as orders.*=publish,consume,browse,manage; may be repeated', rule);
  option.addExamples(
    add,
    'mq user add shop --rule "orders.*=publish"',
    'mq user add robot --new-token ci --rule "*=publish,consume"',
    'mq user add host --certificate subject=host.example --rule "metrics=publish"',
  );
  add.action((name: string, flags: AddFlags) => runAdd(terminal, name, flags));

  option.addExamples(command, 'mq user', 'mq user add shop --rule "orders.*=publish"', 'mq user remove shop');

  const remove = addSubcommand(command, 'remove <name>', 'remove a user, or one of its tokens') //
    .option('--token <label>', 'only this token');
  option.addExamples(remove, 'mq user remove shop', 'mq user remove robot --token ci');
  remove.action((name: string, flags: UserFlags & { readonly token?: string }) => runRemove(terminal, name, flags));

  const list = addSubcommand(command, 'list', 'list users and what they may do (what mq user alone does)', true);
  list.allowExcessArguments(true);
  option.addExamples(list, 'mq user list', 'mq user list --users /etc/stagemq/users.json --json');
  list.action((flags: UserFlags) => {
    option.refuseExcess(list, { expectedCount: 0, example: 'mq user list' });
    return runList(terminal, flags);
  });
}

function addSubcommand(parent: Command, usage: string, summary: string, isDefault = false): Command {
  const added = parent.command(usage, { isDefault }).summary(summary);
  added.description(
    `${summary[0]?.toUpperCase()}${summary.slice(1)}. A server that runs reads the file again at SIGHUP.`,
  );
  added.allowExcessArguments(false).showHelpAfterError(`    type: mq ${option.pathOf(added)} --help`);
  added.option('--users <file>', 'the file that mq serve 5 --users reads', DEFAULT_USERS_FILE);
  return option.addJsonOption(added, 'the answer');
}

/** A parser for `subject=...` and `fingerprint=...`. */
function certificate(text: string, before: readonly CertificateJson[] = []): readonly CertificateJson[] {
  const [, kind, value] = /^(subject|fingerprint)=(.+)$/.exec(text) ?? [];
  if (value === undefined) throw new InvalidArgumentError('It takes subject=<common name> or fingerprint=<SHA-256>.');
  return [...before, kind === 'subject' ? { subject: value } : { fingerprint: value }];
}

/** A parser for `<topics>=<verb>,<verb>`; a name of a topic may have an equals sign in it. */
function rule(text: string, before: readonly RuleJson[] = []): readonly RuleJson[] {
  const equals = text.lastIndexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It takes topics=verbs, such as orders.*=publish,consume.');
  return [...before, { topics: text.slice(0, equals), verbs: text.slice(equals + 1).split(',') }];
}

async function runAdd(terminal: Terminal, name: string, flags: AddFlags): Promise<void> {
  const { newToken, certificate: certificates = [], rule: rules = [] } = flags;
  const { recordOf, isPassword } = await openUserTools();
  const token = newToken === undefined ? undefined : randomBytes(TOKEN_BYTES).toString('base64url');
  const asks = flags.password ?? (token === undefined && certificates.length === 0 && !(await isThere(flags, name)));
  const password = asks ? await readNewPassword(terminal, printable(name)) : undefined;
  if (password !== undefined && !isPassword(password)) {
    throw usageError('a password has 1 to 1024 bytes, and no NUL', 'it comes from the prompt, or from standard input');
  }
  const record = password === undefined ? undefined : await recordOf(password);
  const users = await changeUsersFile(flags.users, (json) =>
    withUser(json, name, (user) => ({
      ...user,
      ...(record && { password: record }),
      ...(newToken !== undefined && token !== undefined && { tokens: { ...user.tokens, [newToken]: sha256(token) } }),
      ...(certificates.length > 0 && { certificates: [...(user.certificates ?? []), ...certificates] }),
      ...(rules.length > 0 && { rules: [...(user.rules ?? []), ...rules] }),
    })),
  );
  const ruleCount = users.users.get(name)?.rules.length ?? 0;
  if (flags.json) return await terminal.printJson({ name, file: flags.users, token: token ?? null, ruleCount });
  if (token !== undefined) await terminal.print(token);
  terminal.complain(
    `${name} is in ${printable(flags.users)}${ruleCount === 0 ? ', and may do nothing yet: add --rule' : ''}`,
  );
}

async function runRemove(
  terminal: Terminal,
  name: string,
  flags: UserFlags & { readonly token?: string },
): Promise<void> {
  const { token } = flags;
  await changeUsersFile(flags.users, (json) => {
    const users = membersOf(json.users);
    const user = users[name] as UserJson | undefined;
    if (user === undefined || !Object.hasOwn(users, name)) throw notThere(name, flags.users);
    if (token === undefined) return { ...json, users: without(users, name) };
    if (!Object.hasOwn(user.tokens ?? {}, token)) throw notThere(`${name} with a token ${token}`, flags.users);
    return { ...json, users: { ...users, [name]: { ...user, tokens: without(user.tokens ?? {}, token) } } };
  });
  if (flags.json) await terminal.printJson({ name, file: flags.users });
  else terminal.complain(`${token === undefined ? name : `token ${token} of ${name}`} is not in it any more`);
}

async function runList(terminal: Terminal, flags: UserFlags): Promise<void> {
  const users = await readUsersFile(flags.users);
  const rows = rowsOf(users);
  if (flags.json) return await terminal.printJson(rows);
  await terminal.print(
    ...tableLines(
      ['name', 'proven by', 'may'],
      rows.map(({ name, provenBy, rules }) => [name, provenBy.join(', ') || '-', rules.join('  ') || '-']),
    ),
  );
}

function rowsOf({ users, anonymous }: Users) {
  const ruleTexts = (rules: readonly RuleJson[]): string[] => rules.map(({ topics, verbs }) => `${topics}=${verbs}`);
  const rows = [...users.values()].map(({ name, password, tokens, certificates, rules, quota }) => ({
    name,
    provenBy: [
      ...(password === undefined ? [] : ['password']),
      ...[...tokens.keys()].map((label) => `token ${label}`),
      ...certificates.map(({ subject }) => (subject === undefined ? 'certificate' : `certificate ${subject}`)),
    ],
    rules: ruleTexts(rules),
    quota,
  }));
  if (anonymous === undefined) return rows;
  return [...rows, { name: 'anonymous', provenBy: [], rules: ruleTexts(anonymous.rules), quota: anonymous.quota }];
}

/** A file that is not there yet has nobody. */
async function isThere({ users }: UserFlags, name: string): Promise<boolean> {
  try {
    return (await readUsersFile(users)).users.has(name);
  } catch (error) {
    if (error instanceof CommandError) return false; // what is wrong with it is said when it is changed
    throw error;
  }
}

function withUser(json: UsersJson, name: string, change: (user: UserJson) => UserJson): UsersJson {
  const users = membersOf(json.users);
  const user = Object.hasOwn(users, name) ? (users[name] as UserJson) : {};
  return { ...json, users: { ...users, [name]: change(user) } };
}

/** What is no object is for the check of the whole to refuse. */
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function without<Value>(members: Readonly<Record<string, Value>>, name: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
}

function notThere(what: string, path: string): CommandError {
  return new CommandError(`there is no ${printable(what)} in ${printable(path)}`, { hint: 'see who is: mq user list' });
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
