/**
 * The frames with which a transaction begins and ends; what is sent and acked in it travels in `send` and `ack`.
 *
 *     begin    flags u8 | timeoutMs u32? | transactionalId text?        begun    transaction text
 *     end      outcome u8 | transaction text                            done
 *
 * Always true: what was written is read again as it was. Pure.
 */
import type { TransactionOutcome } from '../../../../shared/contract/transaction.ts';
import { FieldsReader, refuse } from './fields-reader.ts';
import { FRAME } from './frame.ts';
import type { FrameWriter } from './frame-writer.ts';
import { FLAG } from './requests.ts';

/** By number; 0 is none, so that an empty byte ends nothing. */
const OUTCOMES: readonly (TransactionOutcome | undefined)[] = [undefined, 'committed', 'aborted'];

export interface BeginRequest {
  readonly timeoutMs: number | undefined;
  /** undefined: it belongs to the connection. */
  readonly transactionalId: string | undefined;
  readonly isCancellable: boolean;
}

export function writeBegin(out: FrameWriter, id: number, request: BeginRequest): void {
  out.begin(FRAME.begin, id).u8(request.isCancellable ? FLAG.cancellable : 0);
  out
    .u32(request.timeoutMs)
    .text(request.transactionalId ?? null)
    .end();
}

export function readBegin(content: Uint8Array): BeginRequest {
  const reader = new FieldsReader(content);
  const isCancellable = (reader.u8('the flags') & FLAG.cancellable) !== 0;
  const timeoutMs = reader.u32IfThere('timeoutMs');
  const transactionalId = reader.textIfThere('transactionalId') ?? undefined;
  reader.end();
  return { timeoutMs, transactionalId, isCancellable };
}

export function writeBegun(out: FrameWriter, id: number, transaction: string): void {
  out.begin(FRAME.begun, id).text(transaction).end();
}

export function readBegun(content: Uint8Array): string {
  const reader = new FieldsReader(content);
  const transaction = reader.text('the transaction');
  reader.end();
  return transaction;
}

export interface EndRequest {
  readonly transaction: string;
  readonly outcome: TransactionOutcome;
}

export function writeEnd(out: FrameWriter, id: number, { transaction, outcome }: EndRequest): void {
  out.begin(FRAME.end, id).u8(OUTCOMES.indexOf(outcome)).text(transaction).end();
}

export function readEnd(content: Uint8Array): EndRequest {
  const reader = new FieldsReader(content);
  const outcome = OUTCOMES[reader.u8('the outcome')] ?? refuse('the outcome', 'is unknown');
  const transaction = reader.text('the transaction');
  reader.end();
  return { transaction, outcome };
}
