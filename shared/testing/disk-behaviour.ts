/**
 * What every `Disk` does, as tests: run on RealDisk and on SimulatedDisk, so that what is proven on the simulated one is
 * true of this machine as well.
 *
 * Always true: a test works in a folder of its own, given by `makeRoot`.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isMqError } from '../contract/errors.ts';
import type { Disk, DiskFile } from '../disk.ts';

export interface DiskUnderTest {
  readonly disk: Disk;
  /** An empty folder on it. */
  readonly root: string;
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytesOf = (from: string): Uint8Array => Buffer.from(from);

async function withFile(disk: Disk, path: string, use: (file: DiskFile) => Promise<void>): Promise<void> {
  const file = await disk.open(path, (await disk.exists(path)) ? 'write' : 'create');
  try {
    await use(file);
  } finally {
    await file.close();
  }
}

/** Writes a file from its begin and syncs it; not its folder. */
export async function writeFile(disk: Disk, path: string, content: string): Promise<void> {
  await withFile(disk, path, async (file) => {
    await file.write([bytesOf(content)], 0);
    await file.sync();
  });
}

/** A whole file as text. */
export async function contentOf(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read');
  try {
    const into = new Uint8Array(await file.size());
    assert.equal(await file.read(into, 0), into.length);
    return text(into);
  } finally {
    await file.close();
  }
}

/** Registers the tests; `open` gives each one a fresh disk or folder. */
export function diskBehaviour(name: string, open: (context: TestContext) => Promise<DiskUnderTest>): void {
  const behaves = (what: string, run: (target: DiskUnderTest) => Promise<void>): void => {
    test(`${name}: ${what}`, async (context) => run(await open(context)));
  };
  fileTests(behaves);
  nameTests(behaves);
  lockTests(behaves);
}

type Behaves = (what: string, run: (target: DiskUnderTest) => Promise<void>) => void;

function fileTests(behaves: Behaves): void {
  behaves('what is written in pieces is read as one, from any position', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await file.write([bytesOf('one '), new Uint8Array(0), bytesOf('two '), bytesOf('three')], 0);
      const into = new Uint8Array(6);
      assert.equal(await file.read(into, 4), 6);
      assert.equal(text(into), 'two th');
      assert.equal(await file.size(), 13);
      await file.sync();
    });
    assert.equal(await contentOf(disk, join(root, 'a')), 'one two three');
  });

  behaves('a write that is done when it returns is a write like any other', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await file.write([bytesOf('abcdef')], 0);
      assert.equal(file.writeNow([bytesOf('XY'), new Uint8Array(0), bytesOf('Z')], 2), true);
    });
    assert.equal(await contentOf(disk, join(root, 'a')), 'abXYZf');
    const closed = await disk.open(join(root, 'a'), 'write');
    await closed.close();
    assert.throws(() => closed.writeNow([bytesOf('late')], 0), { code: 'EBADF' });
  });

  behaves('a read ends early only at the end of the file', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await file.write([bytesOf('12345')], 0);
      const into = new Uint8Array(4);
      assert.equal(await file.read(into, 3), 2);
      assert.deepEqual([...into], [0x34, 0x35, 0, 0]);
      assert.equal(await file.read(into, 5), 0);
      assert.equal(await file.read(into, 99), 0);
    });
  });

  behaves('a write takes the place of what was there, and a hole reads as zeros', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await file.write([bytesOf('abcdef')], 0);
      await file.write([bytesOf('XY')], 2);
      await file.write([bytesOf('end')], 8);
    });
    assert.equal(await contentOf(disk, join(root, 'a')), 'abXYef\0\0end');
  });

  behaves('truncate cuts, and fills with zeros what was cut before', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await file.write([bytesOf('abcdef')], 0);
      await file.truncate(2);
      assert.equal(await file.size(), 2);
      await file.truncate(5);
    });
    assert.equal(await contentOf(disk, join(root, 'a')), 'ab\0\0\0');
  });

  behaves('a write of more pieces than one system call takes is whole', async ({ disk, root }) => {
    const pieces = Array.from({ length: 2500 }, (_, index) => bytesOf(`${index},`));
    await withFile(disk, join(root, 'a'), (file) => file.write(pieces, 0));
    assert.equal(await contentOf(disk, join(root, 'a')), pieces.map(text).join(''));
  });

  behaves('what was written does not change with the bytes it was written from', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      const bytes = bytesOf('before');
      await file.write([bytes], 0);
      bytes.fill(0);
    });
    assert.equal(await contentOf(disk, join(root, 'a')), 'before');
  });

  behaves('a file opened to read is not written; a closed one is not used', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), (file) => file.write([bytesOf('kept')], 0));
    const file = await disk.open(join(root, 'a'), 'read');
    await assert.rejects(file.write([bytesOf('x')], 0), { code: 'EBADF' });
    await assert.rejects(file.truncate(0), (error) => error instanceof Error);
    await file.close();
    await assert.rejects(file.read(new Uint8Array(1), 0), { code: 'EBADF' });
    await assert.rejects(file.sync(), { code: 'EBADF' });
    assert.equal(await contentOf(disk, join(root, 'a')), 'kept');
  });
}

function nameTests(behaves: Behaves): void {
  behaves('read and write want a file that is there, create one that is not', async ({ disk, root }) => {
    await assert.rejects(disk.open(join(root, 'a'), 'read'), { code: 'ENOENT' });
    await assert.rejects(disk.open(join(root, 'a'), 'write'), { code: 'ENOENT' });
    await withFile(disk, join(root, 'a'), (file) => file.write([bytesOf('kept')], 0));
    await assert.rejects(disk.open(join(root, 'a'), 'create'), { code: 'EEXIST' });
    await assert.rejects(disk.open(join(root, 'none', 'a'), 'create'), { code: 'ENOENT' });
    assert.equal(await contentOf(disk, join(root, 'a')), 'kept');
  });

  behaves('a folder is made with its parents, is listed sorted, and goes with all that is in it', async (target) => {
    const { disk, root } = target;
    await disk.makeFolder(join(root, 'x', 'y', 'z'));
    await disk.makeFolder(join(root, 'x', 'y', 'z'));
    for (const name of ['b', 'a', 'c']) await withFile(disk, join(root, 'x', name), (file) => file.sync());
    assert.deepEqual(await disk.list(join(root, 'x')), ['a', 'b', 'c', 'y']);
    await disk.syncFolder(join(root, 'x'));
    await disk.removeFolder(join(root, 'x'));
    await disk.removeFolder(join(root, 'x'));
    assert.deepEqual(await disk.list(root), []);
    await assert.rejects(disk.list(join(root, 'x')), { code: 'ENOENT' });
    await assert.rejects(disk.syncFolder(join(root, 'x')), { code: 'ENOENT' });
  });

  behaves('rename takes the place of the file that is there, and moves a folder whole', async ({ disk, root }) => {
    for (const name of ['new', 'old']) await withFile(disk, join(root, name), (file) => file.write([bytesOf(name)], 0));
    await disk.rename(join(root, 'new'), join(root, 'old'));
    assert.deepEqual(await disk.list(root), ['old']);
    assert.equal(await contentOf(disk, join(root, 'old')), 'new');
    await disk.makeFolder(join(root, 'folder'));
    await disk.rename(join(root, 'old'), join(root, 'folder', 'deep'));
    await disk.rename(join(root, 'folder'), join(root, 'moved'));
    assert.equal(await contentOf(disk, join(root, 'moved', 'deep')), 'new');
    await assert.rejects(disk.rename(join(root, 'none'), join(root, 'other')), { code: 'ENOENT' });
  });

  behaves('a file that was removed or renamed is still the one that was opened', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), async (file) => {
      await disk.rename(join(root, 'a'), join(root, 'b'));
      await file.write([bytesOf('here')], 0);
      assert.equal(await contentOf(disk, join(root, 'b')), 'here');
      await disk.remove(join(root, 'b'));
      assert.equal(await file.size(), 4);
    });
    assert.equal(await disk.exists(join(root, 'b')), false);
    await assert.rejects(disk.remove(join(root, 'b')), { code: 'ENOENT' });
  });

  behaves('exists knows files and folders, and says no below a file', async ({ disk, root }) => {
    await withFile(disk, join(root, 'a'), (file) => file.sync());
    const found = ['', 'a', 'b', join('a', 'below')].map((name) => disk.exists(join(root, name)));
    assert.deepEqual(await Promise.all(found), [true, true, false, false]);
  });

  behaves('there is some room', async ({ disk, root }) => {
    assert.ok(Number.isSafeInteger(await disk.freeBytes(root)) && (await disk.freeBytes(root)) > 0);
  });
}

function lockTests(behaves: Behaves): void {
  behaves('a lock is held by one, until it is released', async ({ disk, root }) => {
    const lock = await disk.lock(join(root, 'lock'));
    await assert.rejects(disk.lock(join(root, 'lock')), (error) => isMqError(error, 'MQ_DATA_LOCKED'));
    const other = await disk.lock(join(root, 'other'));
    await lock.release();
    const again = await disk.lock(join(root, 'lock'));
    await lock.release();
    await assert.rejects(disk.lock(join(root, 'lock')), (error) => isMqError(error, 'MQ_DATA_LOCKED'));
    await again.release();
    await other.release();
  });

  behaves('a lock in a folder that is not there is refused', async ({ disk, root }) => {
    await assert.rejects(disk.lock(join(root, 'none', 'lock')), { code: 'ENOENT' });
  });
}
