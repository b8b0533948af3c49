import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { compareParts, type Part, readStages, type StageFolder } from './stage-parts.ts';

const root = mkdtempSync(join(tmpdir(), 'stagemq-parts-'));
after(() => rmSync(root, { recursive: true }));

/** Three small stages: the second replaces one part and carries one, the third wraps the whole second. */
const FILES: Readonly<Record<string, string>> = {
  '1-queue/broker.ts':
    "import { Line } from './line.ts';\nimport { Old } from './old.ts';\nimport { Store } from './store.ts';\n",
  '1-queue/index.ts': "import { QueueBroker } from './broker.ts';\n",
  '1-queue/line.ts': 'export class Line {}\n',
  '1-queue/store.ts': 'export class Store {}\n',
  '1-queue/old.ts': 'export class Old {}\n',
  '1-queue/old.test.ts': "import { Old } from './old.ts';\n",
  '2-ring/broker.ts':
    "import {\n  Line,\n} from '../1-queue/line.ts';\nimport { Store } from './store.ts';\nimport { Ring } from './ring.ts';\n",
  '2-ring/index.ts': "import { RingBroker } from './broker.ts';\n",
  '2-ring/story.ts': "import { Old } from '../1-queue/old.ts';\n",
  '2-ring/store.ts': 'export class Store {}\n',
  '2-ring/ring.ts': 'export class Ring {}\n',
  '2-ring/testing/fake.ts': 'export class Fake {}\n',
  '3-wire/index.ts': "import { createBroker } from '../2-ring/index.ts';\nexport { Server } from './server.ts';\n",
  '3-wire/server.ts': 'export class Server {}\n',
};
for (const [path, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(root, 'stages', path)), { recursive: true });
  writeFileSync(join(root, 'stages', path), text);
}

function change(fromStage: number, toStage: number) {
  const stages = readStages(root);
  const [from, to] = [fromStage, toStage].map((stage) => stages.find((candidate) => candidate.stage === stage));
  const found = (stage: StageFolder | undefined): StageFolder => stage ?? assert.fail('no such stage');
  const names = (parts: readonly Part[]): string[] => parts.map(({ path }) => path.replace('stages/', ''));
  const parts = compareParts(
    found(from),
    found(to),
    stages.filter(({ stage }) => stage < toStage),
  );
  return {
    added: names(parts.added),
    replaced: names(parts.replaced),
    carried: names(parts.carried),
    leftBehind: names(parts.leftBehind),
  };
}

test('a part is new, replaced, carried or left behind as the imports of the composition say', () => {
  assert.deepEqual(change(1, 2), {
    added: ['2-ring/ring.ts'],
    replaced: ['2-ring/store.ts'],
    carried: ['1-queue/line.ts'],
    leftBehind: ['1-queue/old.ts', '1-queue/store.ts'],
  });
});

test('a stage that composes a whole earlier one carries that stage, not its parts one by one', () => {
  assert.deepEqual(change(2, 3), {
    added: ['3-wire/server.ts'],
    replaced: [],
    carried: ['2-ring/index.ts'],
    leftBehind: [],
  });
});

test('a stage without broker.ts has no spine, and lines are counted', () => {
  const [first, , third] = readStages(root);
  assert.equal(third?.spine, null);
  assert.deepEqual(first?.spine, { path: 'stages/1-queue/broker.ts', lineCount: 3 });
});
