import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isMqError } from './contract/errors.ts';
import { RealDisk } from './real-disk.ts';
import { diskBehaviour } from './testing/disk-behaviour.ts';

async function freshFolder(context: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'stagemq-disk-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

diskBehaviour('real', async (context) => ({ disk: new RealDisk(), root: await freshFolder(context) }));

test('a lock keeps another process out, and ends with its process even by kill -9', async (context) => {
  const root = await freshFolder(context);
  const source = `
    import { RealDisk } from ${JSON.stringify(import.meta.resolve('./real-disk.ts'))};
    await new RealDisk().lock(process.argv[1]);
    process.stdout.write('locked');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source, join(root, 'lock')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await assert.rejects(new RealDisk().lock(join(root, 'lock')), (error) => isMqError(error, 'MQ_DATA_LOCKED'));
  child.kill('SIGKILL');
  await once(child, 'exit');
  await (await new RealDisk().lock(join(root, 'lock'))).release();
});

test('loading the lock leaves the warnings of this process as they were', async (context) => {
  const { emitWarning } = process;
  await (await new RealDisk().lock(join(await freshFolder(context), 'lock'))).release();
  assert.equal(process.emitWarning, emitWarning);
});

test('small writes, large ones and many pieces are all there, one beside the other; on a closed file each rejects', async (context) => {
  const file = await new RealDisk().open(join(await freshFolder(context), 'file'), 'create');
  const pieces = [1, 16 * 1024, 16 * 1024 + 1, 300_000].map((bytes, index) => new Uint8Array(bytes).fill(index + 1));
  const many = Array.from({ length: 3000 }, (_, index) => new Uint8Array([index % 256]));
  let position = 0;
  for (const some of [...pieces.map((piece) => [piece]), pieces, many]) {
    await file.write(some, position);
    const read = new Uint8Array(some.reduce((sum, { length }) => sum + length, 0));
    assert.equal(await file.read(read, position), read.length);
    assert.ok(Buffer.concat(some).equals(read));
    position += read.length;
  }
  assert.equal(await file.size(), position);
  await file.close();
  for (const piece of pieces) await assert.rejects(file.write([piece], 0), { code: 'EBADF' });
});

test('where no folder can be made it is refused at once: below a link that leads nowhere, and in place of a file', async (context) => {
  const root = await freshFolder(context);
  const disk = new RealDisk();
  await symlink(join(root, 'not-mounted'), join(root, 'link'));
  await writeFile(join(root, 'file'), '');
  await assert.rejects(disk.makeFolder(join(root, 'link', 'data')), { code: 'EEXIST' });
  await assert.rejects(disk.makeFolder(join(root, 'link')), { code: 'EEXIST' });
  await assert.rejects(disk.makeFolder(join(root, 'file')), { code: 'EEXIST' });
  await disk.makeFolder(join(root, 'a', 'b', 'c'));
  await disk.makeFolder(join(root, 'a', 'b', 'c'));
});
