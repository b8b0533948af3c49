import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RealDisk } from './real-disk.ts';
import { diskBehaviour } from './testing/disk-behaviour.ts';

diskBehaviour('real', async (context) => {
  const root = await mkdtemp(join(tmpdir(), 'stagemq-disk-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  return { disk: new RealDisk(), root };
});
