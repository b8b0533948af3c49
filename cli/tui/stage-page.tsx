/** The page of one stage at work: six regions, each drawn by pure functions of the state. */
import { TextInput } from '@inkjs/ui';
import { Box } from 'ink';
import type { ReactNode } from 'react';
import type { Inside } from '../../shared/contract/inside.ts';
import type { Language } from '../../shared/lesson.ts';
import { producerLines, readerLines, tableTitle } from './actor-lines.ts';
import { type Layout, WIDE_COLUMNS } from './layout.ts';
import { logLines, logTitle } from './log-lines.ts';
import { say, translate } from './messages.ts';
import { clockText } from './numbers.ts';
import { FRAME, Pane } from './pane.tsx';
import { processLines, processTitle } from './process-lines.ts';
import { queueLines, queueTitle } from './queue-lines.ts';
import { ringLines, ringTitle } from './ring-lines.ts';
import { hasTransactions, type RobustPicture, robustLines, robustTitle } from './robust-lines.ts';
import { Row, Rows } from './row.tsx';
import { FIRST_STAGE, LAST_STAGE, type ScreenState, type Session } from './session.ts';
import type { SimulationView } from './simulation.ts';
import { eventLines, keyLines, measurementsLine, requestLines } from './story-lines.ts';
import { fitLine, type Line, lineWidth, span } from './text.ts';

interface PartProps {
  readonly state: ScreenState;
  readonly simulation: SimulationView;
  readonly layout: Layout;
}

export function StagePage({ session, ...props }: PartProps & { readonly session: Session }): ReactNode {
  const { state, simulation, layout } = props;
  const room = { width: layout.columns, height: layout.keysHeight };
  return (
    <Box flexDirection="column" width={layout.columns} height={layout.rows}>
      <Row line={headerLine(state, simulation, layout.columns)} />
      <Actors {...props} />
      <InsidePane {...props} />
      {state.overlay === 'typing' ? <Typing session={session} {...props} /> : <Story {...props} />}
      <Row line={measurementsLine(simulation.measurements, state.language, layout.columns)} />
      <Rows lines={keyLines(state.stage, state.language, room)} />
    </Box>
  );
}

function headerLine(state: ScreenState, simulation: SimulationView, width: number): Line {
  const { language } = state;
  const stages = Array.from({ length: LAST_STAGE - FIRST_STAGE + 1 }, (_, index) => FIRST_STAGE + index);
  // A narrow line has room for one name.
  const isNamed = (stage: number): boolean => width >= WIDE_COLUMNS || stage === state.stage;
  const tabs: Line = stages.flatMap((stage) => {
    const name = isNamed(stage) ? `${stageName(stage, language)} ` : '';
    return [span(` ${stage} ${name}`, stage === state.stage ? 'chosen' : 'dim'), span(' ')];
  });
  const run = say(language, simulation.isPaused ? 'header.frozen' : 'header.running');
  const right: Line = [span(`${run} ${clockText(simulation.atMs)} `, simulation.isPaused ? 'bad' : 'good')];
  const left: Line = [span(' StageMQ ', 'title'), ...tabs];
  return [...fitLine(left, width - lineWidth(right)), ...right];
}

/** The name of a stage. */
export function stageName(stage: number, language: Language): string {
  switch (stage) {
    case 1:
      return say(language, 'stage.1');
    case 2:
      return say(language, 'stage.2');
    case 3:
      return say(language, 'stage.3');
    case 4:
      return say(language, 'stage.4');
    default:
      return say(language, 'stage.5');
  }
}

function Actors({ state, simulation, layout }: PartProps): ReactNode {
  const { language } = state;
  const { topHeight, producersWidth, readersWidth, isWide } = layout;
  const { sentRate, receivedRate } = simulation.measurements;
  const producers = { language, width: producersWidth - FRAME, height: topHeight - FRAME, chosen: state.producer };
  const readers = { language, width: readersWidth - FRAME, height: topHeight - FRAME, chosen: state.reader, isWide };
  return (
    <Box height={topHeight} flexShrink={0}>
      <Pane
        title={tableTitle(producers, {
          name: say(language, 'pane.producers'),
          ratePerSecond: sentRate,
          rowsCount: simulation.producers.length,
          keys: '← →',
        })}
        width={producersWidth}
        height={topHeight}
        lines={producerLines(simulation, producers)}
      />
      <Pane
        title={tableTitle(readers, {
          name: say(language, 'pane.consumers'),
          ratePerSecond: receivedRate,
          rowsCount: simulation.readers.length,
          keys: '↑ ↓',
        })}
        width={readersWidth}
        height={topHeight}
        lines={readerLines(simulation, readers)}
      />
    </Box>
  );
}

function InsidePane({ state, simulation, layout }: PartProps): ReactNode {
  const { columns, insideHeight, isTall } = layout;
  const { language } = state;
  const { title, lines } = pictureOf(simulation.inside, {
    language,
    width: columns - FRAME,
    height: insideHeight - FRAME,
    isTall,
  });
  const full = say(language, `header.overflow.${simulation.overflow}`);
  return <Pane title={`${title} · ${full}`} width={columns} height={insideHeight} lines={lines} />;
}

function pictureOf(inside: Inside | undefined, picture: RobustPicture): { title: string; lines: Line[] } {
  if (inside?.kind === 'queue') {
    return { title: queueTitle(inside, picture.language), lines: queueLines(inside, picture) };
  }
  if (inside?.kind === 'ring') {
    return { title: ringTitle(inside, picture.language), lines: ringLines(inside, picture) };
  }
  if (inside?.kind === 'log' && hasTransactions(inside)) {
    return { title: robustTitle(inside, picture.language), lines: robustLines(inside, picture) };
  }
  if (inside?.kind === 'log') {
    return { title: logTitle(inside, picture.language), lines: logLines(inside, picture) };
  }
  return { title: '', lines: [[span(say(picture.language, 'inside.none'), 'dim')]] };
}

function Story({ state, simulation, layout }: PartProps): ReactNode {
  const { bottomHeight, eventsWidth, besideWidth } = layout;
  const height = bottomHeight - FRAME;
  return (
    <Box height={bottomHeight} flexShrink={0}>
      <Pane
        title={say(state.language, 'pane.events')}
        width={eventsWidth}
        height={bottomHeight}
        lines={eventLines(simulation.events, state.language, { width: eventsWidth - FRAME, height })}
      />
      {besideWidth > 0 && <Beside state={state} simulation={simulation} layout={layout} />}
    </Box>
  );
}

/** What stands behind the wire: the requests it answers, or the process it is. */
function Beside({ state, simulation, layout }: PartProps): ReactNode {
  const { language, requests, url } = state;
  const { bottomHeight, besideWidth } = layout;
  const room = { width: besideWidth - FRAME, height: bottomHeight - FRAME };
  const { process, promises } = simulation;
  const [title, lines] =
    process === undefined
      ? [`${say(language, 'pane.requests')} ${url ?? ''}`, requestLines(requests, room)]
      : [processTitle(process, language), processLines(process, { language, ...room, promises })];
  return <Pane title={title} width={besideWidth} height={bottomHeight} lines={lines} />;
}

function Typing({ session, state, layout }: PartProps & { readonly session: Session }): ReactNode {
  const title = translate(state.language, 'pane.message', { who: state.producer ?? '' });
  return (
    <Pane title={title} width={layout.columns} height={layout.bottomHeight}>
      <Box paddingLeft={1}>
        <TextInput onSubmit={(body) => session.sendTyped(body)} />
      </Box>
    </Pane>
  );
}
