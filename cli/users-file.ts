/**
 * `users.json` on the disk: read whole, checked whole, and replaced whole.
 *
 *     users.json.new, written and synced --rename--> users.json        a reader sees the old one or the new one
 *
 * Always true: what does not pass the check is neither used nor written, and the message names the key; a file made here is
 * for its owner's eyes; two that change it at once do not lose each other's change: the second is refused.
 */
import { open, readFile, rename, rm, stat } from 'node:fs/promises';
import { isMqError } from '../shared/contract/errors.ts';
import { CommandError, usageError } from './exit.ts';
import { openUserTools, type Users } from './target.ts';

export const DEFAULT_USERS_FILE = 'users.json';
/** Ten thousand users with all they may have. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;
const OWNER_ONLY = 0o600;

/** As it stands in the file. */
export type UsersJson = Readonly<Record<string, unknown>>;

/** Rejects with what is wrong, and where. */
export async function readUsersFile(path: string): Promise<Users> {
  const json = await readJson(path);
  if (json !== undefined) return await checked(path, json);
  throw usageError(`there is no file ${path}`, `make it: mq user add <name> --users ${path}`);
}

/** The file as `change` makes it; it is made when there is none. Resolves to what there is then. */
export async function changeUsersFile(path: string, change: (json: UsersJson) => UsersJson): Promise<Users> {
  const draft = `${path}.new`;
  const file = await open(draft, 'wx', OWNER_ONLY).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
    const message = `${draft} is there: somebody changes the users at this moment, or was stopped in the middle of it`;
    throw new CommandError(message, { hint: `if nobody does, remove it and try again: ${draft}` });
  });
  try {
    const json = change((await readJson(path)) ?? {});
    const users = await checked(path, json);
    await file.writeFile(`${JSON.stringify(json, null, 2)}\n`);
    const mode = await stat(path).then(
      (found) => found.mode & 0o777,
      () => OWNER_ONLY,
    );
    await file.chmod(mode);
    await file.sync();
    await file.close();
    await rename(draft, path);
    return users;
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
}

/** undefined: there is no such file. */
async function readJson(path: string): Promise<UsersJson | undefined> {
  let text: string;
  try {
    const { size } = await stat(path);
    if (size > FILE_BYTES_MAX) throw new CommandError(`${path} is larger than ${FILE_BYTES_MAX} bytes`);
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as UsersJson;
  } catch {
    // What the parser says shows a piece of the file.
    throw usageError(`${path} is no JSON`, 'put it right by hand; mq user list says when it is');
  }
}

async function checked(path: string, json: UsersJson): Promise<Users> {
  const { checkUsers } = await openUserTools();
  try {
    return checkUsers(json);
  } catch (error) {
    if (!isMqError(error, 'MQ_INVALID_ARGUMENT')) throw error;
    throw usageError(`${path}: ${error.message}`, 'docs/security.md says what may stand there');
  }
}
