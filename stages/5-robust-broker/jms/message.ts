/**
 * What all messages of JMS have: headers and typed properties.
 *
 *     made by a session --> written --> sent (any number of times) ....> received: read-only until cleared --> acknowledged
 *
 * Always true: a property is read as JMS's table of conversions allows; what was received cannot be changed unnoticed, since
 * properties are cleared as a whole, and so is the body. `TextMessage` and the others add a body. Sessions make them.
 */
import type { Body } from '../doors/bodies.ts';
import { checkPropertyName } from '../doors/properties.ts';
import { readAs, type ScalarType, type TypedValue, typed, typeOfPlain, type ValueOf } from '../doors/typed-values.ts';
import type { Destination } from './destinations.ts';
import { asFormat, JMSException, MessageFormatException, MessageNotWriteableException } from './errors.ts';

/** Whether a message is to outlive a restart of the broker. */
export const DeliveryMode = Object.freeze({ NON_PERSISTENT: 1, PERSISTENT: 2 });
/** Of a message that was not told otherwise. */
export const DEFAULT_PRIORITY = 4;

/** The headers, as whoever sends or receives the message sets them. */
export interface MessageState {
  id: string | null;
  timestamp: number;
  destination: Destination | null;
  deliveryMode: number;
  priority: number;
  /** Epoch ms; 0: never. */
  expiration: number;
  isRedelivered: boolean;
  correlationId: string | null;
  replyTo: Destination | null;
  type: string | null;
  properties: Map<string, TypedValue>;
  arePropertiesReadOnly: boolean;
  isBodyReadOnly: boolean;
  acknowledge: () => Promise<void>;
}

/** Opens the state of a message to the rest of this folder. */
export const STATE = Symbol('state');
/** And its body. */
export const BODY = Symbol('body');

/** Of the names that are JMS's own these may be set. */
const SETTABLE = ['JMSXGroupID', 'JMSXGroupSeq'];

/** A message with headers and properties, and nothing in it. */
export class Message {
  readonly [STATE]: MessageState = {
    ...{ id: null, timestamp: 0, destination: null, deliveryMode: DeliveryMode.PERSISTENT, priority: DEFAULT_PRIORITY },
    ...{ expiration: 0, isRedelivered: false, correlationId: null, replyTo: null, type: null },
    ...{ properties: new Map(), arePropertiesReadOnly: false, isBodyReadOnly: false },
    acknowledge: () => Promise.resolve(),
  };

  /** What is to be sent. */
  [BODY](): Body {
    return { kind: 'none' };
  }

  getJMSMessageID(): string | null {
    return this[STATE].id;
  }

  /** Epoch ms; 0 before it was sent. */
  getJMSTimestamp(): number {
    return this[STATE].timestamp;
  }

  getJMSDestination(): Destination | null {
    return this[STATE].destination;
  }

  getJMSDeliveryMode(): number {
    return this[STATE].deliveryMode;
  }

  /** 0 to 9. */
  getJMSPriority(): number {
    return this[STATE].priority;
  }

  /** Epoch ms; 0: never. */
  getJMSExpiration(): number {
    return this[STATE].expiration;
  }

  /** True when it may have been delivered before. */
  getJMSRedelivered(): boolean {
    return this[STATE].isRedelivered;
  }

  getJMSCorrelationID(): string | null {
    return this[STATE].correlationId;
  }

  setJMSCorrelationID(correlationId: string | null): void {
    this[STATE].correlationId = correlationId;
  }

  getJMSReplyTo(): Destination | null {
    return this[STATE].replyTo;
  }

  setJMSReplyTo(destination: Destination | null): void {
    this[STATE].replyTo = destination;
  }

  getJMSType(): string | null {
    return this[STATE].type;
  }

  setJMSType(type: string | null): void {
    this[STATE].type = type;
  }

  /** In a session with CLIENT_ACKNOWLEDGE all that the session has delivered, with INDIVIDUAL_ACKNOWLEDGE only this one. */
  acknowledge(): Promise<void> {
    return this[STATE].acknowledge();
  }

  propertyExists(name: string): boolean {
    return this[STATE].properties.has(name);
  }

  getPropertyNames(): string[] {
    return [...this[STATE].properties.keys()];
  }

  /** From now on they can be written. */
  clearProperties(): void {
    this[STATE].properties = new Map();
    this[STATE].arePropertiesReadOnly = false;
  }

  /** From now on it can be written. */
  clearBody(): void {
    this[STATE].isBodyReadOnly = false;
  }

  getBooleanProperty(name: string): boolean {
    return this.#get(name, 'boolean') ?? false;
  }

  getByteProperty(name: string): number {
    return this.#number(name, 'byte');
  }

  getShortProperty(name: string): number {
    return this.#number(name, 'short');
  }

  getIntProperty(name: string): number {
    return this.#number(name, 'int');
  }

  getLongProperty(name: string): bigint {
    return this.#get(name, 'long') ?? notThere(name);
  }

  getFloatProperty(name: string): number {
    return this.#number(name, 'float');
  }

  getDoubleProperty(name: string): number {
    return this.#number(name, 'double');
  }

  /** null: it has no such property. */
  getStringProperty(name: string): string | null {
    return this.#get(name, 'string');
  }

  /** A bigint for a long; null: it has no such property. */
  getObjectProperty(name: string): unknown {
    return this[STATE].properties.get(name)?.value ?? null;
  }

  setBooleanProperty(name: string, value: boolean): void {
    this.#set(name, 'boolean', value);
  }

  setByteProperty(name: string, value: number): void {
    this.#set(name, 'byte', value);
  }

  setShortProperty(name: string, value: number): void {
    this.#set(name, 'short', value);
  }

  setIntProperty(name: string, value: number): void {
    this.#set(name, 'int', value);
  }

  setLongProperty(name: string, value: bigint | number): void {
    this.#set(name, 'long', value);
  }

  setFloatProperty(name: string, value: number): void {
    this.#set(name, 'float', value);
  }

  setDoubleProperty(name: string, value: number): void {
    this.#set(name, 'double', value);
  }

  setStringProperty(name: string, value: string | null): void {
    this.#set(name, value === null ? 'null' : 'string', value);
  }

  /** A boolean, number (an int where it is one, else a double), bigint (a long), string or null. */
  setObjectProperty(name: string, value: unknown): void {
    const type = value === null ? 'null' : typeOfPlain(value);
    if (type === undefined || type === 'bytes')
      throw new MessageFormatException(`no value of a property: ${typeof value}`);
    this.#set(name, type, value);
  }

  /** For what changes the body. */
  protected checkBodyWritable(): void {
    if (this[STATE].isBodyReadOnly) {
      throw new MessageNotWriteableException('the body of a received message is read-only; clearBody() first');
    }
  }

  #get<T extends ScalarType>(name: string, type: T): ValueOf<T> | null {
    const value: TypedValue = this[STATE].properties.get(name) ?? { type: 'null', value: null };
    return asFormat(() => readAs(name, value, type));
  }

  #number(name: string, type: 'byte' | 'short' | 'int' | 'float' | 'double'): number {
    return this.#get(name, type) ?? notThere(name);
  }

  #set(name: string, type: ScalarType | 'null', value: unknown): void {
    if (this[STATE].arePropertiesReadOnly) {
      throw new MessageNotWriteableException('properties of a received message are read-only; clearProperties() first');
    }
    asFormat(() => checkPropertyName(name));
    if (name.startsWith('JMS') && !SETTABLE.includes(name)) throw new JMSException(`${name} is set by the provider`);
    const property: TypedValue = type === 'null' ? { type, value: null } : asFormat(() => typed(name, type, value));
    this[STATE].properties.set(name, property);
  }
}

function notThere(name: string): never {
  throw new MessageFormatException(`there is no property ${JSON.stringify(name)}`);
}
