/**
 * Writes the number of lines of each file into the file tours of the stage READMEs: `node stages/count-lines.ts`, after a
 * stage has changed. `readmes.test.ts` checks them.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
/** | `file.ts` | 123 | ... */
const TOUR_ROW = /^(\| `([\w/-]+\.ts)` \| )\d+( \|)/gm;

for (const page of globSync('*/README*.md', { cwd: ROOT })) {
  const folder = dirname(join(ROOT, page));
  const countOf = (file: string): number => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length;
  const text = readFileSync(join(ROOT, page), 'utf8');
  writeFileSync(
    join(ROOT, page),
    text.replace(TOUR_ROW, (_row, before: string, file: string, after: string) => before + countOf(file) + after),
  );
}
