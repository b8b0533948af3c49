/**
 * A log as lines of text, drawn from `inspect`: its files in their order, how much of it is safe, and where each group
 * stands.
 *
 *     file                       offsets   batches   bytes   index   times
 *     00000000000000000000.log   0 to 5          6     964       2       1
 *     00000000000000000006.log   6 to 8          3     520       1       1   <- the next record
 *     on the disk: all below 9 of 9, with 9 syncs for 9 appends
 *     kitchen: committedOffset 2, nextOffset 4, in flight 2, dead 0, lag 7
 *
 * Always true: it draws only what the view says. Used by the story; pure.
 */
import type { LogView, PartitionView, SegmentView } from '../../shared/contract/inside.ts';

const FILE_DIGITS = 20;
const FILE_WIDTH = FILE_DIGITS + '.log'.length + 3;

export function drawLog(view: LogView): string[] {
  return [
    ...view.partitions.flatMap(partitionLines),
    ...view.groups.map(
      ({ group, committedOffset, nextOffset, inFlightCount, deadCount, lag }) =>
        `${group}: committedOffset ${committedOffset}, nextOffset ${nextOffset}, in flight ${inFlightCount}, ` +
        `dead ${deadCount}, lag ${lag}`,
    ),
  ];
}

function partitionLines({ segments, syncedOffset, logEndOffset, syncCount, appendCount }: PartitionView): string[] {
  return [
    row(['file', 'offsets', 'batches', 'bytes', 'index', 'times']),
    ...segments.map(segmentLine),
    `on the disk: all below ${syncedOffset} of ${logEndOffset}, with ${syncCount} syncs for ${appendCount} appends`,
  ];
}

function segmentLine(segment: SegmentView): string {
  const { baseOffset, nextOffset, batchCount, bytes, indexEntryCount, timeEntryCount, isActive } = segment;
  const offsets = nextOffset === baseOffset ? 'none' : `${baseOffset} to ${nextOffset - 1}`;
  const file = `${String(baseOffset).padStart(FILE_DIGITS, '0')}.log`;
  const line = row([file, offsets, ...[batchCount, bytes, indexEntryCount, timeEntryCount].map(String)]);
  return isActive ? `${line}   <- the next record` : line;
}

function row([file = '', offsets = '', ...numbers]: readonly string[]): string {
  return `${file.padEnd(FILE_WIDTH)}${offsets.padEnd(9)}${numbers.map((number) => number.padStart(8)).join('')}`;
}
