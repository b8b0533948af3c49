/**
 * What a name in a selector stands for: a field of the message that JMS names, or one of its headers.
 *
 *     JMSPriority, JMSTimestamp, JMSXDeliveryCount     exact numbers
 *     JMSMessageID, JMSXGroupID                        id and key of the message
 *     JMSCorrelationID, JMSType                        its headers `correlation-id` and `type`
 *     JMSDeliveryMode                                  'PERSISTENT', always
 *     any other name                                   the header of this name, typed by `TYPES_HEADER`
 *
 * Always true: a field that is not there is NULL. The other fields that begin with JMS are of no use in a selector, by
 * specification, and are refused. Pure.
 */
import { CORRELATION_ID_HEADER } from '../../../../shared/contract/filter.ts';
import type { StoredRecord } from '../../../../shared/contract/message.ts';
import type { PropertyTypes } from './property-types.ts';
import { invalidSelector } from './syntax.ts';
import type { Value } from './values.ts';

/** As much of a record as a selector looks at; a record of the log, a stored record and a delivery are ones. */
export type SelectableRecord = Pick<StoredRecord, 'id' | 'key' | 'headers' | 'timestamp' | 'priority'>;

/** One message in front of one selector. */
export interface Subject {
  readonly record: SelectableRecord;
  /** Of the delivery it would become: 1 for the first. */
  readonly deliveryCount: number;
  /** undefined: all its headers are text. */
  readonly types: PropertyTypes | undefined;
}

export type Read = (subject: Subject) => Value;

/** The header that JMS calls the type of a message. */
const TYPE_HEADER = 'type';

const FIELDS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['JMSPriority', ({ record }) => BigInt(record.priority ?? 0)],
  ['JMSTimestamp', ({ record }) => BigInt(Math.floor(record.timestamp))],
  ['JMSXDeliveryCount', ({ deliveryCount }) => BigInt(deliveryCount)],
  ['JMSMessageID', ({ record }) => record.id],
  ['JMSXGroupID', ({ record }) => record.key],
  ['JMSCorrelationID', ({ record }) => record.headers[CORRELATION_ID_HEADER]],
  ['JMSType', ({ record }) => record.headers[TYPE_HEADER]],
  ['JMSDeliveryMode', () => 'PERSISTENT'],
]);

/** Reads what `name` stands for; `at` is where it stands, for the error. */
export function fieldOf(name: string, at: number): Read {
  const field = FIELDS.get(name);
  if (field !== undefined) return field;
  if (/^JMS(?![X_])/.test(name)) {
    const known = [...FIELDS.keys()].join(', ');
    throw invalidSelector(at, `expected a header, or one of ${known}, not ${JSON.stringify(name)}`);
  }
  return ({ record, types }) => {
    const text = record.headers[name];
    if (text === undefined || types === undefined) return text;
    const convert = types.get(name);
    return convert === undefined ? text : convert(text);
  };
}
