/**
 * The urls of connection factories.
 *
 *     stage:5   stage:5?data=./data   http://host:port   https://...   mq://user:password@host:port   mqs://token@host:port
 *
 * Always true: what cannot be understood is refused, with what would be right. Pure. `index.ts` uses it.
 */
import { invalidArgument, quote } from '../../../shared/contract/validation.ts';

export type ParsedUrl =
  | { readonly kind: 'stage'; readonly stage: number; readonly dataFolder: string | undefined }
  | { readonly kind: 'http' | 'tcp'; readonly url: string; readonly credentials: UrlCredentials };

export interface UrlCredentials {
  readonly token?: string;
  readonly user?: string;
  readonly password?: string;
}

/** From here on a stage keeps its messages in a folder. */
const DISK_STAGE = 4;
const STAGE = /^stage:([1-5])(?:\?(.*))?$/s;
const EXPECTED = 'stage:1 to stage:5, http://host:port or mq://host:port';

/** `MQ_INVALID_ARGUMENT` for anything else. */
export function parseUrl(url: string): ParsedUrl {
  const [, stage, query] = STAGE.exec(url) ?? [];
  return stage === undefined ? parseServer(url) : parseStage(Number(stage), query);
}

function parseStage(stage: number, query: string | undefined): ParsedUrl {
  const parameters = new URLSearchParams(query ?? '');
  for (const name of parameters.keys()) {
    if (name !== 'data') throw invalidArgument('url', `without ${quote(name)}: a stage has ?data=FOLDER only`);
  }
  const dataFolder = parameters.get('data') ?? undefined;
  if (dataFolder !== undefined && stage < DISK_STAGE) {
    throw invalidArgument(
      'url',
      `without data: stage ${stage} keeps everything in memory (stages 4 and 5 have a folder)`,
    );
  }
  if (dataFolder === '') throw invalidArgument('url', 'with a folder after data=');
  return { kind: 'stage', stage, dataFolder };
}

function parseServer(text: string): ParsedUrl {
  const url = URL.parse(text);
  if (url === null || !/^(https?|mqs?):$/.test(url.protocol)) throw invalidArgument('url', EXPECTED, text);
  const kind = url.protocol.startsWith('http') ? 'http' : 'tcp';
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  const credentials = user === '' ? {} : password === '' ? { token: user } : { user, password };
  return { kind, url: text.replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1'), credentials };
}
