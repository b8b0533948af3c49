/**
 * What takes the whole screen: the help page, who is connected, and a request as curl. The command stands without a frame and in lines a
 * shell joins again, so that a mouse can take it; a terminal that allows it (OSC 52) also gets it into its clipboard.
 */
import { Box, useStdout } from 'ink';
import { type ReactNode, useEffect } from 'react';
import { doorsLines } from './doors-lines.ts';
import type { Layout } from './layout.ts';
import { say, translate } from './messages.ts';
import { FRAME, Pane } from './pane.tsx';
import { Rows } from './row.tsx';
import type { ScreenState } from './session.ts';
import { curlLines, helpLines } from './story-lines.ts';
import { EMPTY_LINE, type Line, span } from './text.ts';

interface FullPageProps {
  readonly state: ScreenState;
  readonly layout: Layout;
}

export function HelpPage({ state, layout }: FullPageProps): ReactNode {
  const room = { width: layout.columns - FRAME, height: layout.rows - FRAME };
  const lines = helpLines(state.stage, state.language, room);
  return <Pane title={say(state.language, 'pane.help')} width={layout.columns} height={layout.rows} lines={lines} />;
}

export function DoorsPage({ state, layout }: FullPageProps): ReactNode {
  const { language, simulation } = state;
  const doors = simulation?.process?.doors ?? { places: [], connections: [] };
  const room = { language, width: layout.columns - FRAME, height: layout.rows - FRAME, now: Date.now() };
  const lines = doorsLines(doors, room);
  return <Pane title={say(language, 'pane.doors')} width={layout.columns} height={layout.rows} lines={lines} />;
}

export function CurlPage({ state, layout }: FullPageProps): ReactNode {
  const { language } = state;
  const { requests, index } = state.curl;
  const request = requests[index];
  const curl = request?.curl ?? '';
  const { stdout } = useStdout();
  useEffect(() => {
    // Past Ink: it moves no cursor and draws nothing.
    stdout.write(`\u001b]52;c;${Buffer.from(curl).toString('base64')}\u0007`);
  }, [stdout, curl]);
  const lines: Line[] = [
    [span(` ${translate(language, 'curl.title', { number: index + 1, count: requests.length })}`, 'title')],
    [span(` ${say(language, 'curl.keys')}`, 'dim')],
    EMPTY_LINE,
    ...curlLines(curl, layout.columns).map((text) => [span(text)]),
    EMPTY_LINE,
    [span(` ${request?.status}  ${request?.durationUs} µs`, 'dim')],
  ];
  return (
    <Box flexDirection="column" width={layout.columns} height={layout.rows}>
      <Rows lines={lines.slice(0, layout.rows)} />
    </Box>
  );
}
