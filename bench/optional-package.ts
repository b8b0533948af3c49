/**
 * Loads what only the bench needs (load generator, charts, queues to compare with) when it is needed, so that embedding
 * a broker installs none of it.
 *
 * Always true: a missing package is `MQ_MISSING_DEPENDENCY` with the line that installs it; any other failure of a
 * package while loading passes through unchanged.
 */
import { MqError } from '../shared/contract/errors.ts';

/** Package -> how it is loaded. The specifiers are literal, so that the types of each package are known. */
const PACKAGES = {
  '@stomp/stompjs': () => import('@stomp/stompjs'),
  aedes: () => import('aedes'),
  async: () => import('async'),
  autocannon: () => import('autocannon'),
  denque: () => import('denque'),
  fastq: () => import('fastq'),
  mqtt: () => import('mqtt'),
  'p-queue': () => import('p-queue'),
  // Named, because an inferred type could not be written into the declarations of the package.
  vega: (): Promise<typeof import('vega')> => import('vega'),
  'vega-lite': () => import('vega-lite'),
};

export type OptionalPackage = keyof typeof PACKAGES;

/** The namespace of the package; a CommonJS one has its exports in `default`. */
export async function loadOptional<Name extends OptionalPackage>(
  name: Name,
): Promise<Awaited<ReturnType<(typeof PACKAGES)[Name]>>> {
  await requirePackages([name]);
  return (await PACKAGES[name]()) as Awaited<ReturnType<(typeof PACKAGES)[Name]>>;
}

/** Rejects, before anything is loaded, with everything that is missing in one line to type. */
export async function requirePackages(names: readonly OptionalPackage[]): Promise<void> {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const line = `npm install --save-dev ${missing.join(' ')}`;
  throw new MqError('MQ_MISSING_DEPENDENCY', `the bench needs ${missing.join(', ')}; install with: ${line}`);
}

function isInstalled(name: OptionalPackage): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND') return false;
    throw error;
  }
}
