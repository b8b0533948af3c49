/**
 * A terminal as an SVG picture: backgrounds as rectangles, frames and bars as lines and boxes (so they join in every
 * viewer), everything else as text that is stretched to its columns (so it lines up in every font).
 *
 * A pure function of the terminal's cells.
 */
import type { IBufferCell, Terminal } from '@xterm/headless';
import { widthOf } from './text.ts';

const CELL_WIDTH = 8.4;
const CELL_HEIGHT = 18;
const FONT_SIZE = 14;
const MARGIN = 12;
const FOREGROUND = '#d8dee9';
const BACKGROUND = '#1e222a';
const DIM_OPACITY = 0.6;
/** The sixteen colours, on a dark ground. */
const PALETTE = [
  ...['#1e222a', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#d8dee9'],
  ...['#5c6370', '#ff7b86', '#b5e890', '#ffd68a', '#82c4ff', '#e08cff', '#6fd3e0', '#ffffff'],
];

/** Which halves of a cell a frame character goes through: up, right, down, left. */
const FRAMES: Readonly<Record<string, string>> = {
  '─': 'rl',
  '│': 'ud',
  '┌': 'rd',
  '┐': 'dl',
  '└': 'ur',
  '┘': 'ul',
  '┬': 'rdl',
  '┴': 'url',
};
const BARS = '▁▂▃▄▅▆▇█';

interface Look {
  readonly foreground: string;
  readonly background: string | undefined;
  readonly isBold: boolean;
  readonly isDim: boolean;
}

/** Neighbouring cells that look alike. */
interface Run extends Look {
  readonly column: number;
  readonly row: number;
  text: string;
  columnCount: number;
}

export function svgOf(terminal: Terminal, title: string): string {
  const width = terminal.cols * CELL_WIDTH + 2 * MARGIN;
  const height = terminal.rows * CELL_HEIGHT + 2 * MARGIN;
  const runs = Array.from({ length: terminal.rows }, (_, row) => runsOf(terminal, row)).flat();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', 'Noto Sans Mono CJK SC', monospace" font-size="${FONT_SIZE}">`,
    ...runs.map(backgroundOf).filter(Boolean),
    ...runs.flatMap(foregroundOf),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function runsOf(terminal: Terminal, row: number): Run[] {
  const { active } = terminal.buffer;
  const line = active.getLine(active.viewportY + row);
  const runs: Run[] = [];
  for (let column = 0; column < terminal.cols; column += 1) {
    const cell = line?.getCell(column);
    // The second half of a wide character has no width of its own.
    if (cell === undefined || cell.getWidth() === 0) continue;
    const look = lookOf(cell);
    const text = cell.getChars() || ' ';
    const last = runs.at(-1);
    if (last !== undefined && isAlike(last, look) && kindOf(last.text) === kindOf(text)) {
      last.text += text;
      last.columnCount += cell.getWidth();
    } else {
      runs.push({ ...look, column, row, text, columnCount: cell.getWidth() });
    }
  }
  return runs;
}

function lookOf(cell: IBufferCell): Look {
  const foreground = cell.isFgDefault() ? FOREGROUND : (PALETTE[cell.getFgColor()] ?? FOREGROUND);
  const background = cell.isBgDefault() ? undefined : PALETTE[cell.getBgColor()];
  const isInverse = cell.isInverse() !== 0;
  return {
    foreground: isInverse ? (background ?? BACKGROUND) : foreground,
    background: isInverse ? foreground : background,
    isBold: cell.isBold() !== 0,
    isDim: cell.isDim() !== 0,
  };
}

function isAlike(one: Look, other: Look): boolean {
  return (
    one.foreground === other.foreground &&
    one.background === other.background &&
    one.isBold === other.isBold &&
    one.isDim === other.isDim
  );
}

/** How a character is drawn; the first of a run decides for all of it. Wide ones would stretch narrow ones. */
function kindOf(text: string): 'blank' | 'frame' | 'bar' | 'text' | 'wide' {
  const [first = ' '] = text;
  if (first === ' ') return 'blank';
  if (first in FRAMES) return 'frame';
  if (BARS.includes(first)) return 'bar';
  return widthOf(first) === 2 ? 'wide' : 'text';
}

function backgroundOf({ background, column, row, columnCount }: Run): string {
  if (background === undefined) return '';
  const [x, y] = [xOf(column), MARGIN + row * CELL_HEIGHT];
  return `<rect x="${x}" y="${y}" width="${round(columnCount * CELL_WIDTH)}" height="${CELL_HEIGHT}" fill="${background}" shape-rendering="crispEdges"/>`;
}

function foregroundOf(run: Run): string[] {
  const opacity = run.isDim ? ` opacity="${DIM_OPACITY}"` : '';
  switch (kindOf(run.text)) {
    case 'blank':
      return [];
    case 'frame':
      return [`<path d="${framePath(run)}" stroke="${run.foreground}" fill="none"${opacity}/>`];
    case 'bar':
      return [`<path d="${barPath(run)}" fill="${run.foreground}"${opacity}/>`];
    case 'text':
    case 'wide': {
      const [x, y] = [xOf(run.column), MARGIN + run.row * CELL_HEIGHT + FONT_SIZE - 1];
      const weight = run.isBold ? ' font-weight="bold"' : '';
      const length = `textLength="${round(run.columnCount * CELL_WIDTH)}" lengthAdjust="spacingAndGlyphs"`;
      return [
        `<text x="${x}" y="${y}" ${length} fill="${run.foreground}"${weight}${opacity}>${escaped(run.text)}</text>`,
      ];
    }
  }
}

function framePath({ text, column, row }: Run): string {
  const strokes = Array.from(text, (character, index) => {
    const [x, y] = [round(xOf(column + index) + CELL_WIDTH / 2), MARGIN + (row + 0.5) * CELL_HEIGHT];
    const halves: Readonly<Record<string, string>> = {
      u: `v${-CELL_HEIGHT / 2}`,
      d: `v${CELL_HEIGHT / 2}`,
      l: `h${-CELL_WIDTH / 2}`,
      r: `h${CELL_WIDTH / 2}`,
    };
    return Array.from(FRAMES[character] ?? '', (half) => `M${x} ${y}${halves[half]}`).join('');
  });
  return strokes.join('');
}

function barPath({ text, column, row }: Run): string {
  const bars = Array.from(text, (character, index) => {
    const height = round(((BARS.indexOf(character) + 1) / BARS.length) * (CELL_HEIGHT - 4));
    return `M${xOf(column + index)} ${MARGIN + (row + 1) * CELL_HEIGHT - 2}v${-height}h${CELL_WIDTH - 1}v${height}z`;
  });
  return bars.join('');
}

function xOf(column: number): number {
  return round(MARGIN + column * CELL_WIDTH);
}

function round(length: number): number {
  return Math.round(length * 100) / 100;
}

function escaped(text: string): string {
  // A no-break space keeps its width where viewers squeeze blanks.
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll(' ', '\u00a0');
}
