/** What CONNECTED calls this server: `StageMQ/0.1.0`. */
import { createRequire } from 'node:module';

/** The version is that of the package, found by its own name: the same in a checkout and when installed. */
const { version } = createRequire(import.meta.url)('stagemq/package.json') as { readonly version: string };

export function serverName(): string {
  return `StageMQ/${version}`;
}
