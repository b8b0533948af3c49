/**
 * Writes the number of lines of each file, and their sums, into the file tours of the stage READMEs:
 * `node stages/count-lines.ts`, after a stage has changed. `readmes.test.ts` checks them.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
/** | `file.ts` | 123 | ... */
const TOUR_ROW = /^(\| `([\w/-]+\.ts)` \| )\d+( \|.*)$/;
/** | **together** | 1234 | ..., below the files it sums up. */
const SUM_ROW = /^(\| \*\*(?:together|合计)\*\* \| )\d+( \|.*)$/;

for (const page of globSync('*/README*.md', { cwd: ROOT })) {
  const folder = dirname(join(ROOT, page));
  const text = readFileSync(join(ROOT, page), 'utf8');
  writeFileSync(join(ROOT, page), counted(text, folder));
}

function counted(text: string, folder: string): string {
  let sum = 0;
  const lines = text.split('\n').map((line) => {
    const [, before = '', file, after = ''] = TOUR_ROW.exec(line) ?? [];
    if (file !== undefined) {
      const count = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').length;
      sum += count;
      return before + count + after;
    }
    if (!line.startsWith('|')) sum = 0;
    return line.replace(SUM_ROW, (_row, head: string, tail: string) => head + sum + tail);
  });
  return lines.join('\n');
}
