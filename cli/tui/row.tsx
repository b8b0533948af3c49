/**
 * Lines on the screen: never wrapped, never squeezed. The brush every pane is painted with.
 *
 * Always true: a line that did not change is not drawn again; a whole line is one text for Ink, because a screen of
 * single words would keep it busy for half of the time.
 */
import process from 'node:process';
import { Box, Text } from 'ink';
import { memo, type ReactNode } from 'react';
import type { Line } from './text.ts';
import { paint } from './theme.ts';

const hasColour = (process.env.NO_COLOR ?? '') === '';

const Painted = memo(function Painted({ text }: { readonly text: string }): ReactNode {
  return (
    <Box height={1} flexShrink={0}>
      {/* A text without characters would have no height. */}
      <Text wrap="truncate">{text === '' ? ' ' : text}</Text>
    </Box>
  );
});

export function Row({ line }: { readonly line: Line }): ReactNode {
  return <Painted text={paint(line, { hasColour })} />;
}

/** Lines have no identity but their place, so that is what React knows them by. */
export function Rows({ lines }: { readonly lines: readonly Line[] }): ReactNode {
  return Array.from(lines.entries(), ([place, line]) => <Row key={place} line={line} />);
}
