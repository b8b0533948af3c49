/**
 * What the bodies of JMS, OpenWire and STOMP are, and how a message of the contract carries them.
 *
 *     kind      body                               header `$body`    header `$body-types`
 *     text      UTF-8                              none, or text     null: it is no text at all, not even an empty one
 *     bytes     as they are                        bytes
 *     map       JSON, an object                    map               where JSON does not say them (typed-json.ts)
 *     stream    JSON, an array                     stream            the same
 *     object    as they are, for whoever made it   object
 *     none      nothing                            none              a message that is headers and properties only
 *
 * Without `$body`, as HTTP, MQTT and everybody else send: text if it is valid UTF-8 without NUL, else bytes.
 *
 * Always true (I32): decoding never throws, and whatever it is given has some kind: a body that does not fit its `$body` is
 * bytes; decoding what was encoded gives the same again (half a surrogate pair in a text becomes U+FFFD, as UTF-8 has no half
 * ones). An object is never looked into, let alone made. Pure. Every door of a protocol, and the JMS-style API, use it.
 */
import type { Headers } from '../../../shared/contract/message.ts';
import { type Container, readTyped, writeTyped } from './typed-json.ts';
import type { TypedValue } from './typed-values.ts';

/** The header that says what the body is, */
export const BODY_HEADER = '$body';
/** and the one that has the types of its values. */
export const BODY_TYPES_HEADER = '$body-types';

export type Body =
  /** null: a TextMessage of Java that was given no text. */
  | { readonly kind: 'text'; readonly text: string | null }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'map'; readonly entries: ReadonlyMap<string, TypedValue> }
  | { readonly kind: 'stream'; readonly values: readonly TypedValue[] }
  | { readonly kind: 'object'; readonly bytes: Uint8Array }
  | { readonly kind: 'none' };

export type BodyKind = Body['kind'];

/** Of a message of the contract. */
export interface EncodedBody {
  readonly body: Uint8Array;
  /** To be added to those of the message. */
  readonly headers: Headers;
}

const NOTHING = new Uint8Array(0);
const NULL_TEXT = 'null';
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `MQ_INVALID_ARGUMENT` for a map or stream that is too deep, or has too many values or types. */
export function encodeBody(body: Body): EncodedBody {
  switch (body.kind) {
    case 'text':
      return encodeBodyText(body.text);
    case 'map':
      return encodeContainer('map', { type: 'map', value: body.entries });
    case 'stream':
      return encodeContainer('stream', { type: 'list', value: body.values });
    case 'none':
      return { body: NOTHING, headers: { [BODY_HEADER]: 'none' } };
    default:
      return { body: body.bytes, headers: { [BODY_HEADER]: body.kind } };
  }
}

/** What a message says. Never throws. */
export function decodeBody(message: { readonly body: Uint8Array; readonly headers: Headers }): Body {
  const { body, headers } = message;
  return fittingBody(body, headers[BODY_HEADER], headers[BODY_TYPES_HEADER]) ?? { kind: 'bytes', bytes: body };
}

function fittingBody(bytes: Uint8Array, kind: string | undefined, types: string | undefined): Body | undefined {
  switch (kind) {
    case undefined:
      return textBody(decodeUtf8(bytes), (text) => !text.includes('\0'));
    case 'text':
      if (types === NULL_TEXT) return bytes.length === 0 ? { kind, text: null } : undefined;
      return textBody(decodeUtf8(bytes), () => true);
    case 'map': {
      const map = readContainer(bytes, types);
      return map?.type === 'map' ? { kind, entries: map.value } : undefined;
    }
    case 'stream': {
      const list = readContainer(bytes, types);
      return list?.type === 'list' ? { kind, values: list.value } : undefined;
    }
    case 'object':
      return { kind, bytes };
    case 'none':
      return bytes.length === 0 ? { kind } : undefined;
    default:
      return undefined;
  }
}

/** A text that says by itself that it is one needs no header. */
function encodeBodyText(text: string | null): EncodedBody {
  if (text === null) {
    return { body: NOTHING, headers: { [BODY_HEADER]: 'text', [BODY_TYPES_HEADER]: NULL_TEXT } };
  }
  return { body: encoder.encode(text), headers: text.includes('\0') ? { [BODY_HEADER]: 'text' } : {} };
}

function encodeContainer(kind: 'map' | 'stream', container: Container): EncodedBody {
  const { text, types } = writeTyped('body', container);
  return {
    body: encoder.encode(text),
    headers: { [BODY_HEADER]: kind, ...(types !== undefined && { [BODY_TYPES_HEADER]: types }) },
  };
}

function readContainer(bytes: Uint8Array, types: string | undefined): Container | undefined {
  const text = decodeUtf8(bytes);
  return text === undefined ? undefined : readTyped(text, types);
}

function textBody(text: string | undefined, isText: (text: string) => boolean): Body | undefined {
  return text !== undefined && isText(text) ? { kind: 'text', text } : undefined;
}

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}
