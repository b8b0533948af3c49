/**
 * What commands of OpenWire are made of, in the loose encoding: each kind of field with how it is read and written.
 *
 *     text         boolean, then the text          object   boolean, type code, then its fields
 *     byte array   boolean, length, the bytes      array    boolean, how many, the objects
 *
 * Always true: a structure names the types that may stand in each of its places, and none of them contains itself, so nothing
 * can be nested deeper than the table of commands is. A Throwable is two texts here: nothing is ever made of the name. Pure.
 */
import { MqError } from '../../../../shared/contract/errors.ts';
import type { WireReader } from './wire-reader.ts';
import type { WireWriter } from './wire-writer.ts';

/** One kind of field. */
export interface Field<T> {
  read(reader: WireReader): T;
  write(writer: WireWriter, value: T): void;
}

export type Fields = Readonly<Record<string, Field<never>>>;
export type ValueOf<F> = F extends { read(reader: WireReader): infer T } ? T : never;

/** An object with a type code; `type` tells it from others. */
export interface Structure<Type extends string, F> {
  readonly type: Type;
  readonly code: number;
  readonly fields: F;
}
export type ObjectOf<S> =
  S extends Structure<infer Type, infer F>
    ? { readonly type: Type } & { readonly [Name in keyof F]: ValueOf<F[Name]> }
    : never;
/** Of any type. */
export type AnyStructure = Structure<string, Readonly<Record<string, unknown>>>;

/** A Java exception: the name of its class, of which nobody makes anything, and what it says. */
export interface Thrown {
  readonly className: string | null;
  readonly message: string | null;
}

export const boolean: Field<boolean> = {
  read: (reader) => reader.boolean(),
  write: (writer, value) => writer.boolean(value),
};
export const byte: Field<number> = { read: (reader) => reader.byte(), write: (writer, value) => writer.byte(value) };
export const int: Field<number> = { read: (reader) => reader.int(), write: (writer, value) => writer.int(value) };
/** Beyond 2^53 the nearest number there is. */
export const long: Field<number> = { read: (reader) => reader.long(), write: (writer, value) => writer.long(value) };

export const text: Field<string | null> = {
  read: (reader) => (reader.boolean() ? reader.text() : null),
  write(writer, value) {
    writer.boolean(value !== null);
    if (value !== null) writer.text(value);
  },
};

export const byteArray: Field<Buffer | null> = {
  read: (reader) => (reader.boolean() ? reader.bytes(reader.int()) : null),
  write(writer, value) {
    writer.boolean(value !== null);
    if (value === null) return;
    writer.int(value.length);
    writer.bytes(value);
  },
};

/** The stack is left out: neither side asks for it. */
export const throwable: Field<Thrown | null> = {
  read: (reader) => (reader.boolean() ? { className: text.read(reader), message: text.read(reader) } : null),
  write(writer, value) {
    writer.boolean(value !== null);
    if (value === null) return;
    text.write(writer, value.className);
    text.write(writer, value.message);
  },
};

/** Bytes that are always the same. */
export function constant(bytes: Buffer): Field<Buffer> {
  return {
    read(reader) {
      const read = reader.bytes(bytes.length);
      if (!read.equals(bytes))
        throw new MqError('MQ_PROTOCOL', `where ${bytes.toString()} should stand there is something else`);
      return read;
    },
    write: (writer) => writer.bytes(bytes),
  };
}

/** A field that versions before `version` do not have; `absent` is what it means to have none. */
export function since<T>(version: number, field: Field<T>, absent: T): Field<T> {
  return {
    read: (reader) => (reader.version >= version ? field.read(reader) : absent),
    write(writer, value) {
      if (writer.version >= version) field.write(writer, value);
    },
  };
}

export function structure<const Type extends string, const F>(type: Type, code: number, fields: F): Structure<Type, F> {
  return { type, code, fields };
}

/** One of these, or null. */
export function object<const S extends readonly AnyStructure[]>(...allowed: S): Field<ObjectOf<S[number]> | null> {
  const inside = objectOf(...allowed);
  return {
    read: (reader) => (reader.boolean() ? inside.read(reader) : null),
    write(writer, value) {
      writer.boolean(value !== null);
      if (value !== null) inside.write(writer, value);
    },
  };
}

export function array<const S extends readonly AnyStructure[]>(
  ...allowed: S
): Field<readonly (ObjectOf<S[number]> | null)[] | null> {
  const each = object(...allowed);
  return {
    read(reader) {
      if (!reader.boolean()) return null;
      return Array.from({ length: reader.count(reader.unsignedShort()) }, () => each.read(reader));
    },
    write(writer, values) {
      writer.boolean(values !== null);
      if (values === null) return;
      writer.unsignedShort(values.length);
      for (const value of values) each.write(writer, value);
    },
  };
}

interface NamedField {
  readonly name: string;
  readonly field: Field<unknown>;
}

function named(fields: object): readonly NamedField[] {
  return Object.entries(fields).map(([name, field]) => ({ name, field: field as Field<unknown> }));
}

/** All properties an object of this type will have: to fill a copy in costs a third of adding one after the other. */
function blankOf(type: string, fields: object): Record<string, unknown> {
  return Object.fromEntries([['type', type], ...Object.keys(fields).map((name) => [name, null])]);
}

/** One of these: its type code, then its fields. */
export function objectOf<const S extends readonly AnyStructure[]>(...allowed: S): Field<ObjectOf<S[number]>> {
  const byCode = new Map(
    allowed.map(({ type, code, fields }) => [code, { blank: blankOf(type, fields), fields: named(fields) }]),
  );
  const byType = new Map(allowed.map(({ type, code, fields }) => [type, { code, fields: named(fields) }]));
  return {
    read(reader) {
      const code = reader.unsignedByte();
      const found = byCode.get(code);
      if (found === undefined)
        throw new MqError('MQ_PROTOCOL', `type ${code} where none of ${[...byType.keys()].join(', ')} stands`);
      const value = { ...found.blank };
      for (const { name, field } of found.fields) value[name] = field.read(reader);
      return value as ObjectOf<S[number]>;
    },
    write(writer, value) {
      const found = byType.get((value as { readonly type: string }).type);
      if (found === undefined) throw new MqError('MQ_INTERNAL', 'a structure stands where it cannot');
      writer.byte(found.code);
      const values = value as Readonly<Record<string, unknown>>;
      for (const { name, field } of found.fields) field.write(writer, values[name]);
    },
  };
}
