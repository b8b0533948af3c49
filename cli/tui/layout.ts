/**
 * How the panes share the terminal.
 *
 *     header
 *     +- producers -+- consumers -------------+
 *     +- inside -----------------------------+
 *     +- what happened ------+- beside -------+      beside: requests of stage 3, the process from stage 4 on
 *     rates and times
 *     keys
 *
 * Always true: the heights add up to the rows of the terminal and the widths to its columns, for every size from
 * `COLUMNS_MIN` x `ROWS_MIN` up. A pure function of the size.
 */
export const COLUMNS_MIN = 78;
export const ROWS_MIN = 22;
/** From here on there is room for a line of details in every cell. */
const TALL_ROWS = 32;
/** From here on numbers stand beside the bars, and a consumer shows what it holds. */
export const WIDE_COLUMNS = 108;

/** From this stage on the broker is behind a server. */
const FIRST_WITH_SERVER = 3;
/** From this stage on transactions and half messages have lines of their own. */
const FIRST_WITH_TRANSACTIONS = 5;
const TRANSACTION_ROWS_MAX = 4;

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

export interface Layout extends Size {
  readonly isTall: boolean;
  readonly isWide: boolean;
  readonly topHeight: number;
  readonly producersWidth: number;
  readonly readersWidth: number;
  readonly insideHeight: number;
  readonly bottomHeight: number;
  readonly eventsWidth: number;
  readonly besideWidth: number;
  readonly keysHeight: number;
}

export function isTooSmall(size: Size): boolean {
  return size.columns < COLUMNS_MIN || size.rows < ROWS_MIN;
}

export function layoutOf(size: Size, stage: number): Layout {
  const { columns, rows } = size;
  const isTall = rows >= TALL_ROWS;
  const isWide = columns >= WIDE_COLUMNS;
  const keysHeight = isTall ? 2 : 1;
  const topHeight = isTall ? 11 : 6;
  const insideHeight = (isTall ? 12 : 9) + (stage >= FIRST_WITH_TRANSACTIONS ? rowsForTransactions(size) : 0);
  const producersWidth = isWide ? 30 : 23;
  const besideWidth = stage >= FIRST_WITH_SERVER ? Math.floor(columns * besideShare(stage, isWide)) : 0;
  return {
    columns,
    rows,
    isTall,
    isWide,
    topHeight,
    producersWidth,
    readersWidth: columns - producersWidth,
    insideHeight,
    bottomHeight: rows - 2 - keysHeight - topHeight - insideHeight,
    eventsWidth: columns - besideWidth,
    besideWidth,
    keysHeight,
  };
}

/** What happens where there are transactions takes more words. */
function besideShare(stage: number, isWide: boolean): number {
  if (stage >= FIRST_WITH_TRANSACTIONS) return isWide ? 0.35 : 0.42;
  return isWide ? 0.45 : 0.5;
}

function rowsForTransactions({ rows }: Size): number {
  return Math.min(Math.max(rows - TALL_ROWS, 0), TRANSACTION_ROWS_MAX);
}
