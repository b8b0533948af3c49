/**
 * Builds `dist` for the package (`npm pack` and `npm publish` run it): removes the old one, compiles, and checks that
 * every file package.json promises is there. Plain JavaScript, so that it runs on the Node npm happens to use.
 *
 * Always true: it ends with a code other than 0 when a promised file is missing, so an incomplete package is never made.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

rmSync(new URL('../dist', import.meta.url), { recursive: true, force: true });
const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url));
const compiled = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.dist.json'], { cwd: ROOT, stdio: 'inherit' });
const missing =
  compiled.status === 0 ? promisedFiles().filter((path) => !existsSync(new URL(`../${path}`, import.meta.url))) : [];
for (const path of missing) console.error(`package.json promises ${path}, and it was not built`);
process.exitCode = compiled.status !== 0 || missing.length > 0 ? 1 : 0;

function promisedFiles() {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const entries = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  );
  return entries.concat(Object.values(manifest.bin), 'dist/cli/main.js');
}
