/**
 * Tones as terminal colours. Only the sixteen colours every terminal has, so that the user's own theme applies; each
 * state of a cell also has its letter, so with NO_COLOR, which leaves bold, dim and inverse, nothing is left unsaid.
 */
import { styleText } from 'node:util';
import type { Line, Tone } from './text.ts';

type Format = Extract<Parameters<typeof styleText>[0], string>;

interface Style {
  readonly modifiers: readonly Format[];
  readonly colours: readonly Format[];
}

const style = (modifiers: readonly Format[], ...colours: readonly Format[]): Style => ({ modifiers, colours });

const THEME: Readonly<Record<Tone, Style>> = {
  plain: style([]),
  dim: style(['dim']),
  strong: style(['bold']),
  title: style(['bold'], 'cyan'),
  chosen: style(['bold', 'inverse']),
  key: style(['bold'], 'yellow'),
  good: style([], 'green'),
  warn: style([], 'yellow'),
  bad: style(['bold'], 'red'),
  free: style(['dim']),
  ready: style([], 'black', 'bgCyan'),
  'in-flight': style([], 'black', 'bgYellow'),
  acked: style([], 'green'),
  overwritten: style([], 'white', 'bgRed'),
  undecided: style([], 'white', 'bgMagenta'),
  aborted: style(['strikethrough'], 'red'),
  written: style(['dim']),
  'marker-committed': style(['bold'], 'black', 'bgGreen'),
  'marker-aborted': style(['bold'], 'white', 'bgRed'),
  'group-1': style(['bold'], 'magenta'),
  'group-2': style(['bold'], 'blue'),
  'group-3': style(['bold'], 'green'),
  'group-4': style(['bold'], 'yellow'),
};

/** A line with the escape sequences of its tones; without colour only their modifiers. */
export function paint(line: Line, options: { readonly hasColour: boolean }): string {
  return line.map(({ text, tone }) => paintSpan(text, THEME[tone], options.hasColour)).join('');
}

function paintSpan(text: string, { modifiers, colours }: Style, hasColour: boolean): string {
  const formats = hasColour ? [...modifiers, ...colours] : modifiers;
  return formats.length === 0 ? text : styleText(formats, text, { validateStream: false });
}
