/**
 * Tones as terminal colours. Only the sixteen colours every terminal has, so that the user's own theme applies; each
 * state of a cell also has its letter, so nothing is said by colour alone.
 */
import type { TextProps } from 'ink';
import type { Tone } from './text.ts';

type Style = Pick<TextProps, 'color' | 'backgroundColor' | 'bold' | 'dimColor' | 'inverse'>;

export const THEME: Readonly<Record<Tone, Style>> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  title: { bold: true, color: 'cyan' },
  chosen: { bold: true, inverse: true },
  key: { bold: true, color: 'yellow' },
  good: { color: 'green' },
  warn: { color: 'yellow' },
  bad: { color: 'red', bold: true },
  free: { dimColor: true },
  ready: { color: 'black', backgroundColor: 'cyan' },
  'in-flight': { color: 'black', backgroundColor: 'yellow' },
  acked: { color: 'green' },
  overwritten: { color: 'white', backgroundColor: 'red' },
  'group-1': { color: 'magenta', bold: true },
  'group-2': { color: 'blue', bold: true },
  'group-3': { color: 'green', bold: true },
  'group-4': { color: 'yellow', bold: true },
};
