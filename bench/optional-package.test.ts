import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { registerHooks } from 'node:module';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { isMqError } from '../shared/contract/errors.ts';
import { loadOptional, requirePackages } from './optional-package.ts';
import { runBench } from './run.ts';

const FOLDER = dirname(fileURLToPath(import.meta.url));

/** Makes packages look as if they were not installed, as Node says it. */
function without(names: readonly string[]): Disposable {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!names.includes(specifier)) return nextResolve(specifier, context);
      const error = new Error(`Cannot find package '${specifier}' imported from ${context.parentURL}`);
      throw Object.assign(error, { code: 'ERR_MODULE_NOT_FOUND' });
    },
  });
  return { [Symbol.dispose]: () => hooks.deregister() };
}

test('missing packages are one error that names the line to type', async () => {
  using _hooks = without(['vega', 'autocannon']);
  await assert.rejects(requirePackages(['vega', 'vega-lite', 'autocannon']), (error: unknown) => {
    assert.ok(isMqError(error, 'MQ_MISSING_DEPENDENCY'));
    assert.match(error.message, /npm install --save-dev vega autocannon$/);
    return true;
  });
  await assert.rejects(loadOptional('vega'), (error: unknown) => isMqError(error, 'MQ_MISSING_DEPENDENCY'));
});

test('a package that is there is loaded', async () => {
  const { default: Denque } = await loadOptional('denque');
  assert.equal(new Denque([1, 2]).shift(), 1);
});

test('a bench without its packages ends before it measures anything', async () => {
  using _hooks = without(['autocannon']);
  const said: string[] = [];
  const bench = runBench({ targets: ['1'], isQuick: true, onProgress: (text) => said.push(text) });
  await assert.rejects(bench, (error: unknown) => isMqError(error, 'MQ_MISSING_DEPENDENCY'));
  assert.deepEqual(said, []);
});

test('importing the bench loads none of them', async () => {
  const names = ['async', 'autocannon', 'denque', 'fastq', 'p-queue', 'vega', 'vega-lite'];
  const program = `
    import { registerHooks } from 'node:module';
    const loaded = [];
    registerHooks({ resolve(specifier, context, nextResolve) {
      if (${JSON.stringify(names)}.includes(specifier) && !context.parentURL.includes('node_modules')) loaded.push(specifier);
      return nextResolve(specifier, context);
    } });
    await import('./run.ts');
    console.log(JSON.stringify(loaded));`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: FOLDER });
  assert.deepEqual(JSON.parse(stdout), []);
});
