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
/** Where doors are that a stage has beside its composition: anybody may put them in front of its broker. */
const DOORS = 'doors';
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
  const composition = `${folder}/index.ts`;
  const reached = reachedFrom(root, [composition, ...doorsOf(root, folder)]);
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

/** The files of the doors below `folder`, tests left out. */
function doorsOf(root: string, folder: string): string[] {
  const doors = join(root, folder, DOORS);
  if (!existsSync(doors)) return [];
  const files = readdirSync(doors, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'));
  return paths.filter((path) => path.endsWith('.ts') && !/\.(test|long)\.ts$|\/testing\//.test(path));
}

/** What a stage is made of, below `stages`; a whole broker of another stage counts as one file. */
function reachedFrom(root: string, compositions: readonly string[]): string[] {
  const reached = new Set(compositions);
  for (const path of reached) {
    if (path.endsWith('/index.ts') && !compositions.includes(path)) continue;
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

/** Within its stage: a door's `server.ts` takes the place of no other. */
function nameOf({ path }: Part): string {
  return path.split('/').slice(2).join('/');
}

function pathOf({ path }: Part): string {
  return path;
}
