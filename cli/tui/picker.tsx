/** The first page: the five stages, one of which is opened. */
import { Box } from 'ink';
import type { ReactNode } from 'react';
import { say } from './messages.ts';
import { Rows } from './row.tsx';
import type { ScreenState } from './session.ts';
import { EMPTY_LINE, fit, type Line, span } from './text.ts';

const STAGES = [1, 2, 3, 4, 5] as const;
const NAME_WIDTH = 18;

export function Picker({ state, columns }: { readonly state: ScreenState; readonly columns: number }): ReactNode {
  const { language } = state;
  const lines: Line[] = [
    EMPTY_LINE,
    [span('  StageMQ  ', 'title'), span(say(language, 'picker.title'), 'strong')],
    EMPTY_LINE,
    ...STAGES.flatMap((stage) => stageLines(stage, state)),
    [span(`  ${say(language, 'picker.keys')}`, 'dim')],
  ];
  return (
    <Box flexDirection="column" width={columns}>
      <Rows lines={lines} />
    </Box>
  );
}

function stageLines(stage: (typeof STAGES)[number], { language, stage: marked }: ScreenState): Line[] {
  const name = fit(say(language, `stage.${stage}`), NAME_WIDTH);
  const isMarked = stage === marked;
  return [
    [span(isMarked ? '  > ' : '    ', 'key'), span(`${stage}  ${name} `, isMarked ? 'chosen' : 'strong')],
    [span(`       ${say(language, `stage.${stage}.idea`)}`, 'dim')],
    EMPTY_LINE,
  ];
}
