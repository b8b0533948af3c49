/**
 * The source tree as the tidy tests see it: every file parsed once, what it imports, exports and calls.
 *
 * Always true: `sources` are all hand-written files, `taught` those that are no tests. Reads the disk when it is loaded.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { type Program, parseSync, Visitor } from 'oxc-parser';

export const ROOT = resolve(import.meta.dirname, '../..');
export const FOLDERS = ['stages', 'shared', 'cli', 'bench', 'docs'];
/** Tests, and what only tests use. */
export const IS_TEST = /(\.(test|long)\.ts$|\/testing\/)/;

interface Place {
  readonly name: string;
  readonly line: number;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  readonly imports: readonly string[];
  readonly exports: readonly ExportedName[];
  readonly functions: readonly { readonly line: number; readonly lineCount: number }[];
  /** Members of globals that are used and functions that are called, such as `Date.now`, `new Date` and `setTimeout`. */
  readonly uses: readonly Place[];
}

export interface ExportedName {
  /** null: all that `from` exports. */
  readonly name: string | null;
  /** The file that owns it, from the root; null: this one. */
  readonly from: string | null;
  /** A comment for whoever uses it stands right above it. */
  readonly isDescribed: boolean;
}

export const sources: readonly SourceFile[] = FOLDERS.flatMap(filesBelow)
  .filter((path) => /\.(ts|tsx|js)$/.test(path) && !path.endsWith('.d.ts'))
  .map(readSource);
export const taught = sources.filter((file) => !IS_TEST.test(file.path));

/** Passes when there are no offenders; else shows the reason and one line for each. */
export function rule(reason: string, offenders: readonly string[]): void {
  assert.ok(offenders.length === 0, `${reason}\n  ${offenders.join('\n  ')}`);
}

function filesBelow(folder: string): string[] {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'));
  return files.map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'));
}

function readSource(path: string): SourceFile {
  return sourceOf(path, readFileSync(join(ROOT, path), 'utf8'));
}

/** What `text` would be as the file at `path`. */
export function sourceOf(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  assert.deepEqual(parsed.errors, [], `${path} does not parse`);
  const imports: string[] = [];
  for (const { moduleRequest } of parsed.module.staticImports) imports.push(moduleRequest.value);
  const exports: ExportedName[] = [];
  for (const { start, entries } of parsed.module.staticExports) {
    const isDescribed = /\*\/\n$/.test(text.slice(0, start));
    for (const { moduleRequest, exportName } of entries) {
      if (moduleRequest) imports.push(moduleRequest.value);
      exports.push({ name: exportName.name, from: moduleRequest?.value ?? null, isDescribed });
    }
  }
  const lineAt = (position: number): number => text.slice(0, position).split('\n').length;
  return {
    path,
    text,
    lineCount: lineAt(text.length) - 1,
    exports,
    ...readProgram(parsed.program, { imports, lineAt }),
  };
}

interface Reading {
  readonly imports: readonly string[];
  readonly lineAt: (position: number) => number;
}

function readProgram(
  program: Program,
  { imports, lineAt }: Reading,
): Pick<SourceFile, 'imports' | 'functions' | 'uses'> {
  const functions: { line: number; lineCount: number }[] = [];
  const uses: Place[] = [];
  const dynamicImports: string[] = [];
  const onFunction = (node: { start: number; end: number }): void => {
    const line = lineAt(node.start);
    functions.push({ line, lineCount: lineAt(node.end) - line + 1 });
  };
  new Visitor({
    FunctionDeclaration: onFunction,
    FunctionExpression: onFunction,
    ArrowFunctionExpression: onFunction,
    ImportExpression({ source }) {
      if (source.type === 'Literal' && typeof source.value === 'string') dynamicImports.push(source.value);
    },
    MemberExpression({ object, property, start }) {
      if (object.type !== 'Identifier' || property.type !== 'Identifier') return;
      uses.push({ name: `${object.name}.${property.name}`, line: lineAt(start) });
    },
    CallExpression({ callee, start }) {
      if (callee.type === 'Identifier') uses.push({ name: callee.name, line: lineAt(start) });
    },
    NewExpression({ callee, arguments: given, start }) {
      if (callee.type !== 'Identifier' || given.length > 0) return;
      uses.push({ name: `new ${callee.name}`, line: lineAt(start) });
    },
  }).visit(program);
  return { imports: [...imports, ...dynamicImports], functions, uses };
}
