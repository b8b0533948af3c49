/**
 * Messages with one thing in them: a text, or the bytes of an object.
 *
 * Always true: an object is bytes that nobody here looks into: no class that the sender names is ever made. Sessions make
 * them.
 */
import type { Body } from '../doors/bodies.ts';
import { MessageFormatException } from './errors.ts';
import { BODY, Message } from './message.ts';

/** A message with a text in it. */
export class TextMessage extends Message {
  #text: string | null;

  constructor(text: string | null = null) {
    super();
    this.#text = text;
  }

  override [BODY](): Body {
    return { kind: 'text', text: this.#text };
  }

  /** null: none was set. */
  getText(): string | null {
    return this.#text;
  }

  setText(text: string | null): void {
    this.checkBodyWritable();
    if (text !== null && typeof text !== 'string') throw new MessageFormatException('a text must be a string or null');
    this.#text = text;
  }

  override clearBody(): void {
    super.clearBody();
    this.#text = null;
  }
}

/** A message with an object in it, serialised by whoever sends it, for whoever can read that. */
export class ObjectMessage extends Message {
  #bytes: Uint8Array;

  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    super();
    this.#bytes = bytes;
  }

  override [BODY](): Body {
    return { kind: 'object', bytes: this.#bytes.slice() };
  }

  /** Its bytes, as they were sent; of a Java program those of Java's serialisation. */
  getObject(): Uint8Array {
    return this.#bytes.slice();
  }

  setObject(bytes: Uint8Array): void {
    this.checkBodyWritable();
    if (!(bytes instanceof Uint8Array)) throw new MessageFormatException('an object must be serialised: a Uint8Array');
    this.#bytes = bytes.slice();
  }

  override clearBody(): void {
    super.clearBody();
    this.#bytes = new Uint8Array(0);
  }
}
