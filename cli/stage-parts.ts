/**
 * What a stage is made of, read from its folder and its imports: nothing here is written down twice.
 *
 *     new           a part in this stage's folder, of a name no earlier stage has
 *     replaced      a part in this stage's folder, of a name an earlier stage has too
 *     carried       a part of an earlier stage that this one imports, unchanged, from its home
 *     left behind   a part the stage compared with uses, and this one does not reach any more
 *
 * Used by `npm run diff`. Reads the checkout only.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';

const SPINE = 'broker.ts';
/** Files of a stage's root that are not parts. */
const NOT_PARTS = new Set([SPINE, 'index.ts']);
const IMPORT = /^(?:import|export)\b[^;]*?\bfrom '(\.[^']+)'/gm;

export interface Part {
  /** From the root of the project, with slashes: `stages/2-ring-buffer/ring-buffer.ts`. */
  readonly path: string;
  readonly lineCount: number;
}

/** One stage, as its folder shows it. */
export interface StageFolder {
  readonly stage: number;
  /** `stages/2-ring-buffer`. */
  readonly folder: string;
  /** null when the stage has none of its own: stage 3 wraps any broker. */
  readonly spine: Part | null;
  /** In its own folder. */
  readonly parts: readonly Part[];
  /** Parts of earlier stages it is built on; a whole earlier stage when it composes that stage's broker. */
  readonly foreign: readonly Part[];
}

export interface PartsChange {
  readonly added: readonly Part[];
  readonly replaced: readonly Part[];
  readonly carried: readonly Part[];
  readonly leftBehind: readonly Part[];
}

/** The stages below `root`, in order. */
export function readStages(root: string): StageFolder[] {
  const names = readdirSync(join(root, 'stages')).filter((name) => /^\d-/.test(name));
  return names.sort().map((name) => readStage(root, `stages/${name}`));
}

function readStage(root: string, folder: string): StageFolder {
  const reached = reachedFrom(root, `${folder}/index.ts`);
  const isOwn = (path: string): boolean => path.startsWith(`${folder}/`);
  const isPart = (path: string): boolean => isOwn(path) && !NOT_PARTS.has(path.slice(folder.length + 1));
  return {
    stage: Number(basename(folder).slice(0, 1)),
    folder,
    spine: existsSync(join(root, folder, SPINE)) ? partAt(root, `${folder}/${SPINE}`) : null,
    parts: reached.filter(isPart).map((path) => partAt(root, path)),
    foreign: reached.filter((path) => !isOwn(path)).map((path) => partAt(root, path)),
  };
}

/** What the composition of a stage is made of, below `stages`; a whole broker of another stage counts as one file. */
function reachedFrom(root: string, composition: string): string[] {
  const reached = new Set([composition]);
  for (const path of reached) {
    if (path.endsWith('/index.ts') && path !== composition) continue;
    for (const target of importsOf(root, path)) if (target.startsWith('stages/')) reached.add(target);
  }
  return [...reached].sort();
}

function importsOf(root: string, path: string): string[] {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [...text.matchAll(IMPORT)].map((match) => match[1] ?? '');
  return specifiers.map((specifier) => {
    return relative(root, resolve(root, dirname(path), specifier))
      .split(sep)
      .join('/');
  });
}

function partAt(root: string, path: string): Part {
  return { path, lineCount: readFileSync(join(root, path), 'utf8').split('\n').length - 1 };
}

/** How the parts change from one stage to a later one; `earlier` are all stages before the later one. */
export function compareParts(from: StageFolder, to: StageFolder, earlier: readonly StageFolder[]): PartsChange {
  const knownNames = new Set(earlier.flatMap(({ parts }) => parts.map(nameOf)));
  const usedNow = new Set([...to.parts, ...to.foreign].map(pathOf));
  const wholeStages = [...usedNow].filter((path) => path.endsWith('/index.ts')).map(dirname);
  const isStillUsed = ({ path }: Part): boolean => usedNow.has(path) || wholeStages.includes(from.folder);
  return {
    added: to.parts.filter((part) => !knownNames.has(nameOf(part))),
    replaced: to.parts.filter((part) => knownNames.has(nameOf(part))),
    carried: to.foreign,
    leftBehind: [...from.parts, ...from.foreign].filter((part) => !isStillUsed(part)),
  };
}

function nameOf({ path }: Part): string {
  return basename(path);
}

function pathOf({ path }: Part): string {
  return path;
}
