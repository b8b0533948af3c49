/** Certificates and keys that flags name. Always true: what is in the file is never shown. */
import { readFile } from 'node:fs/promises';
import { CommandError, usageError } from './exit.ts';

/** `flag` is what named the file. Rejects with what is wrong with it. */
export async function pemOf(flag: string, path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CommandError(`${flag} ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
  if (!text.includes('-----BEGIN ')) throw usageError(`${flag} ${path} is no PEM file`, 'it begins with -----BEGIN');
  return text;
}
