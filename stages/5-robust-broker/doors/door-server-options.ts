/**
 * What `createStompServer`, `createMqttServer` and `createOpenWireServer` take in common, with its defaults.
 *
 * Always true: what is wrong is `MQ_INVALID_ARGUMENT` with the option's name, before any socket is opened. Each door adds its
 * own numbers.
 */
import { checkMethods, invalidArgument } from '../../../shared/contract/validation.ts';
import { isOrigin } from '../../../shared/web-origin.ts';
import {
  type CheckedDoorOptions,
  checkDoorOptions,
  type DoorOptions,
  type NumberRange,
} from '../../4-persisted-log/doors/door-options.ts';
import type { ConnectionBook } from './connection-book.ts';
import type { Exchange } from './exchange.ts';

/** Of every protocol door: those of every door, and what it shares with the others in front of the same broker. */
export interface ProtocolDoorOptions extends DoorOptions {
  /** One for all doors of a broker, so that subscribers of one are known to the others. Default: its own. */
  readonly exchange?: Exchange;
  /** Where connections are listed. Default: its own. */
  readonly book?: ConnectionBook;
  /** The one path at which a WebSocket is opened. Default: any. */
  readonly webSocketPath?: string;
  /** Other names by which a WebSocket may call this server, besides `host` and `localhost`. */
  readonly allowedHosts?: readonly string[];
  /** Origins of pages that may open a WebSocket, besides those of our own hosts: `https://shop.example`, `null`. */
  readonly allowedOrigins?: readonly string[];
}

/** Options with every default filled in. */
export type CheckedProtocolDoorOptions = CheckedDoorOptions &
  Pick<ProtocolDoorOptions, 'exchange' | 'book' | 'webSocketPath'> &
  Required<Pick<ProtocolDoorOptions, 'allowedHosts' | 'allowedOrigins'>>;

const OTHERS = ['exchange', 'book', 'webSocketPath', 'allowedHosts', 'allowedOrigins'] as const;

/** The options in force; `others`: names of options that the door checks itself. */
export function checkProtocolDoorOptions<Name extends string>(
  options: ProtocolDoorOptions,
  own: { readonly numbers: Readonly<Record<Name, NumberRange>>; readonly others?: readonly string[] },
): CheckedProtocolDoorOptions & Readonly<Record<Name, number>> {
  const checked = checkDoorOptions(options, { ...own, others: [...OTHERS, ...(own.others ?? [])] });
  const { exchange, book, webSocketPath, allowedHosts = [], allowedOrigins = [] } = options;
  if (exchange !== undefined) checkMethods('options.exchange', exchange, 'an Exchange', ['publish', 'subscribe']);
  if (book !== undefined) checkMethods('options.book', book, 'a ConnectionBook', ['opened']);
  if (webSocketPath !== undefined && !/^\/[^?#\s]*$/.test(webSocketPath)) {
    throw invalidArgument('options.webSocketPath', 'a path: /...', webSocketPath);
  }
  const isName = (text: unknown): boolean => typeof text === 'string' && text !== '';
  checkTexts('options.allowedHosts', allowedHosts, { isRight: isName, expected: 'a list of texts' });
  const origins = 'a list of origins as browsers say them: https://shop.example, null';
  checkTexts('options.allowedOrigins', allowedOrigins, { isRight: isOrigin, expected: origins });
  return { ...checked, ...{ exchange, book, webSocketPath, allowedHosts, allowedOrigins } };
}

function checkTexts(
  path: string,
  texts: unknown,
  { isRight, expected }: { readonly isRight: (text: unknown) => boolean; readonly expected: string },
): void {
  if (!Array.isArray(texts) || !texts.every(isRight)) throw invalidArgument(path, expected, texts);
}
