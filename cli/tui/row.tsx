/**
 * Lines on the screen: never wrapped, never squeezed. The brush every pane is painted with.
 * Lines and spans have no identity but their place, so that is what React knows them by.
 */
import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { type Line, span } from './text.ts';
import { THEME } from './theme.ts';

/** A text without characters would have no height. */
const BLANK: Line = [span(' ')];

export function Row({ line }: { readonly line: Line }): ReactNode {
  const spans = line.length === 0 ? BLANK : line;
  return (
    <Box height={1} flexShrink={0}>
      <Text wrap="truncate">
        {Array.from(spans.entries(), ([place, { text, tone }]) => (
          <Text key={place} {...THEME[tone]}>
            {text}
          </Text>
        ))}
      </Text>
    </Box>
  );
}

export function Rows({ lines }: { readonly lines: readonly Line[] }): ReactNode {
  return Array.from(lines.entries(), ([place, line]) => <Row key={place} line={line} />);
}
