/**
 * `npm run one -- "part of a sentence"`: runs the tests whose names contain it, and only the files they stand in. The
 * sentences of the conformance suite are run on every stage.
 *
 * Exit code: that of the tests; 2 when no test is called so, or nothing was asked for.
 */
import { spawn } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const cwd = fileURLToPath(new URL('..', import.meta.url));
const FOLDERS = '{stages,shared,cli,bench,docs}';

function filesWith(sentence: string, pattern: string): string[] {
  return globSync(pattern, { cwd }).filter((file) => readFileSync(`${cwd}/${file}`, 'utf8').includes(sentence));
}

function run(sentence: string): void {
  const isOfSuite = filesWith(sentence, 'shared/conformance/subjects/*.ts').length > 0;
  const ofSuite = isOfSuite ? globSync('stages/*/conformance.test.ts', { cwd }) : [];
  const files = [...filesWith(sentence, `${FOLDERS}/**/*.{test,long}.ts`), ...ofSuite];
  if (files.length === 0) {
    console.error(`no test is called "${sentence}"; type a part of its name as a README quotes it, in quotes`);
    console.error('(a name made from parts, such as one for each stage, is found by a part that stands in the source)');
    process.exitCode = 2;
    return;
  }
  const pattern = sentence.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const loaded = ['compiled-once', 'untracked-promises', 'fail-on-warning'].map(
    (name) => `--import=./shared/${name}.ts`,
  );
  const options = [...loaded, '--test', '--test-reporter=spec'];
  const tests = spawn(process.execPath, [...options, `--test-name-pattern=${pattern}`, ...files], {
    cwd,
    stdio: 'inherit',
  });
  tests.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}

const sentence = process.argv.slice(2).join(' ').trim();
if (sentence === '') {
  console.error('type: npm run one -- "nobody overtakes"');
  process.exitCode = 2;
} else {
  run(sentence);
}
