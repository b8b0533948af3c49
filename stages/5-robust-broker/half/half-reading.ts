/** Reading the message of a half that others may decide, or write again, meanwhile. Changes nothing. */
import type { LogRecord } from '../../4-persisted-log/bytes/record.ts';
import type { OpenHalf } from './half.ts';
import type { HalfLog } from './half-log.ts';
import type { HalfTable } from './half-table.ts';

/** undefined when it is open no more; throws for one that cannot be read. */
export async function readOpenHalf(
  { table, log }: { readonly table: HalfTable; readonly log: HalfLog },
  half: OpenHalf,
): Promise<LogRecord | undefined> {
  for (;;) {
    const { offset } = half;
    try {
      const record = await log.messageAt(offset);
      return table.find(half.halfId) === half ? record : undefined;
    } catch (error) {
      if (table.find(half.halfId) !== half) return undefined;
      if (half.offset === offset) throw error; // it was not written again either
    }
  }
}
