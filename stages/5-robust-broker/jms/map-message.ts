/**
 * A message with names and typed values in it.
 *
 * Always true: each value is read as JMS's table of conversions allows. Sessions make it.
 */
import type { Body } from '../doors/bodies.ts';
import { readAs, type ScalarType, type TypedValue, typed, typeOfPlain, type ValueOf } from '../doors/typed-values.ts';
import { asFormat, MessageFormatException } from './errors.ts';
import { BODY, Message } from './message.ts';

/** A message with names and typed values in it. */
export class MapMessage extends Message {
  #entries: Map<string, TypedValue>;

  constructor(entries: ReadonlyMap<string, TypedValue> = new Map()) {
    super();
    this.#entries = new Map(entries);
  }

  override [BODY](): Body {
    return { kind: 'map', entries: new Map(this.#entries) };
  }

  getMapNames(): string[] {
    return [...this.#entries.keys()];
  }

  itemExists(name: string): boolean {
    return this.#entries.has(name);
  }

  getBoolean(name: string): boolean {
    return this.#get(name, 'boolean') ?? false;
  }

  getByte(name: string): number {
    return this.#get(name, 'byte') ?? notThere(name);
  }

  getShort(name: string): number {
    return this.#get(name, 'short') ?? notThere(name);
  }

  getChar(name: string): string {
    return this.#get(name, 'char') ?? notThere(name);
  }

  getInt(name: string): number {
    return this.#get(name, 'int') ?? notThere(name);
  }

  getLong(name: string): bigint {
    return this.#get(name, 'long') ?? notThere(name);
  }

  getFloat(name: string): number {
    return this.#get(name, 'float') ?? notThere(name);
  }

  getDouble(name: string): number {
    return this.#get(name, 'double') ?? notThere(name);
  }

  /** null: there is no such name. */
  getString(name: string): string | null {
    return this.#get(name, 'string');
  }

  /** null: there is no such name. */
  getBytes(name: string): Uint8Array | null {
    return this.#get(name, 'bytes')?.slice() ?? null;
  }

  /** A bigint for a long; null: there is no such name. Maps and lists of other senders are in terms of typed values. */
  getObject(name: string): unknown {
    return this.#entries.get(name)?.value ?? null;
  }

  setBoolean(name: string, value: boolean): void {
    this.#set(name, 'boolean', value);
  }

  setByte(name: string, value: number): void {
    this.#set(name, 'byte', value);
  }

  setShort(name: string, value: number): void {
    this.#set(name, 'short', value);
  }

  /** One UTF-16 unit. */
  setChar(name: string, value: string): void {
    this.#set(name, 'char', value);
  }

  setInt(name: string, value: number): void {
    this.#set(name, 'int', value);
  }

  setLong(name: string, value: bigint | number): void {
    this.#set(name, 'long', value);
  }

  setFloat(name: string, value: number): void {
    this.#set(name, 'float', value);
  }

  setDouble(name: string, value: number): void {
    this.#set(name, 'double', value);
  }

  setString(name: string, value: string | null): void {
    this.#set(name, value === null ? 'null' : 'string', value);
  }

  setBytes(name: string, value: Uint8Array | null): void {
    this.#set(name, value === null ? 'null' : 'bytes', value instanceof Uint8Array ? value.slice() : value);
  }

  /** A boolean, number (an int where it is one, else a double), bigint (a long), string, Uint8Array or null. */
  setObject(name: string, value: unknown): void {
    const type = value === null ? 'null' : typeOfPlain(value);
    if (type === undefined) throw new MessageFormatException(`no value of a map: ${typeof value}`);
    this.#set(name, type, value);
  }

  override clearBody(): void {
    super.clearBody();
    this.#entries = new Map();
  }

  #get<T extends ScalarType>(name: string, type: T): ValueOf<T> | null {
    const value: TypedValue = this.#entries.get(name) ?? { type: 'null', value: null };
    return asFormat(() => readAs(name, value, type));
  }

  #set(name: string, type: ScalarType | 'null', value: unknown): void {
    this.checkBodyWritable();
    if (typeof name !== 'string' || name === '') throw new MessageFormatException('a name must have a character');
    this.#entries.set(name, type === 'null' ? { type, value: null } : asFormat(() => typed(name, type, value)));
  }
}

function notThere(name: string): never {
  throw new MessageFormatException(`there is no value named ${JSON.stringify(name)}`);
}
