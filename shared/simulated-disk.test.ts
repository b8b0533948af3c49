import { SimulatedDisk } from './simulated-disk.ts';
import { diskBehaviour } from './testing/disk-behaviour.ts';

diskBehaviour('simulated', async () => {
  const disk = new SimulatedDisk();
  await disk.makeFolder('/data');
  return { disk, root: '/data' };
});
