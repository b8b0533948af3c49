/**
 * Small files that are read and written whole: a new content takes the place of the old one in a single step.
 *
 *     write   name.new  ->  sync it  ->  rename to name  ->  sync the folder
 *
 * Always true (I8): after a crash at any moment the file has the old content or the new one, whole. A sealed one has a
 * checksum within it, and reading it throws `MQ_CORRUPT` for anything but what was written.
 */
import { dirname } from 'node:path';
import { MqError } from '../../../shared/contract/errors.ts';
import { crc32cOf } from '../../../shared/crc32c.ts';
import type { Disk } from '../../../shared/disk.ts';

/** Ends the name of a file until it is whole. */
export const UNFINISHED = '.new';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export async function writeWholeFile(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const unfinished = `${path}${UNFINISHED}`;
  if (await disk.exists(unfinished)) await disk.remove(unfinished);
  const file = await disk.open(unfinished, 'create');
  try {
    await file.write([content], 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(unfinished, path);
  await disk.syncFolder(dirname(path));
}

/** undefined when there is none. */
export async function readWholeFile(disk: Disk, path: string): Promise<Uint8Array | undefined> {
  if (!(await disk.exists(path))) return undefined;
  const file = await disk.open(path, 'read');
  try {
    const content = new Uint8Array(await file.size());
    const bytes = await file.read(content, 0);
    return content.subarray(0, bytes);
  } finally {
    await file.close();
  }
}

/** As JSON that people can read, with its checksum beside it. Resolves to how many bytes that is. */
export async function writeSealed(disk: Disk, path: string, content: unknown): Promise<number> {
  const sealed = { crc32c: sealOf(content), content };
  const bytes = encoder.encode(`${JSON.stringify(sealed, null, 2)}\n`);
  await writeWholeFile(disk, path, bytes);
  return bytes.length;
}

/** undefined when there is no such file; `MQ_CORRUPT` when it is not what was written. */
export async function readSealed(disk: Disk, path: string): Promise<unknown> {
  const bytes = await readWholeFile(disk, path);
  if (bytes === undefined) return undefined;
  const sealed = parse(bytes);
  const isSealed = typeof sealed === 'object' && sealed !== null && 'crc32c' in sealed && 'content' in sealed;
  if (isSealed && sealed.crc32c === sealOf(sealed.content)) return sealed.content;
  throw new MqError('MQ_CORRUPT', `${path} is not what was written: its checksum does not fit its content`);
}

/** undefined for what is no JSON. */
export function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined;
  }
}

function sealOf(content: unknown): string {
  return crc32cOf(encoder.encode(JSON.stringify(content))).toString(16);
}
