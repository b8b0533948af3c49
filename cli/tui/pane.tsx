/**
 * A box with a title in its upper edge and a fixed size. What does not fit is left out, so no pane ever pushes another.
 */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { Row, Rows } from './row.tsx';
import { type Line, titleBar } from './text.ts';

interface PaneProps {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  readonly lines?: readonly Line[];
  /** Instead of lines: something that lives, such as a text field. */
  readonly children?: ReactNode;
}

/** Columns and rows a pane's frame takes. */
export const FRAME = 2;

export function Pane({ title, width, height, lines = [], children }: PaneProps): ReactNode {
  return (
    <Box flexDirection="column" width={width} height={height} flexShrink={0}>
      <Row line={titleBar(title, width)} />
      <Box
        flexDirection="column"
        width={width}
        height={height - 1}
        flexShrink={0}
        borderStyle="single"
        borderTop={false}
        borderDimColor
        overflow="hidden"
      >
        <Rows lines={lines.slice(0, height - FRAME)} />
        {children}
      </Box>
    </Box>
  );
}
