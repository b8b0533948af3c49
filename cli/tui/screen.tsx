/** The whole screen: listens to the keyboard, follows the session, and shows the page it is on. */
import { Box, type Key, useInput, useWindowSize } from 'ink';
import { type ReactNode, useSyncExternalStore } from 'react';
import { CurlPage, DoorsPage, HelpPage } from './full-page.tsx';
import { commandOf } from './keys.ts';
import { COLUMNS_MIN, isTooSmall, layoutOf, ROWS_MIN } from './layout.ts';
import { translate } from './messages.ts';
import { Picker } from './picker.tsx';
import { Row } from './row.tsx';
import type { Session } from './session.ts';
import { StagePage } from './stage-page.tsx';
import { span } from './text.ts';

interface ScreenProps {
  readonly session: Session;
  /** Ctrl-C, which a terminal in raw mode does not turn into a signal. */
  readonly onInterrupt: () => void;
}

export function Screen({ session, onInterrupt }: ScreenProps): ReactNode {
  const state = useSyncExternalStore(session.subscribe, session.getState);
  const size = useWindowSize();
  useInput((input, key) => {
    if (key.ctrl && input === 'c') onInterrupt();
    else press(session, input, key);
  });
  const { language, page, simulation } = state;
  if (isTooSmall(size)) {
    return (
      <Box flexDirection="column">
        <Row line={[span(translate(language, 'app.tooSmall', { ...size }), 'warn')]} />
        <Row line={[span(translate(language, 'app.enlarge', { columns: COLUMNS_MIN, rows: ROWS_MIN }))]} />
      </Box>
    );
  }
  if (page === 'picker') return <Picker state={state} columns={size.columns} />;
  if (simulation === undefined) {
    return <Row line={[span(` ${translate(language, 'app.opening', { stage: state.stage })}`, 'dim')]} />;
  }
  const layout = layoutOf(size, state.stage);
  if (state.overlay === 'help') return <HelpPage state={state} layout={layout} />;
  if (state.overlay === 'doors') return <DoorsPage state={state} layout={layout} />;
  if (state.overlay === 'curl') return <CurlPage state={state} layout={layout} />;
  return <StagePage session={session} state={state} simulation={simulation} layout={layout} />;
}

/** One key press, on whatever is shown. */
function press(session: Session, input: string, key: Key): void {
  const { overlay, page } = session.getState();
  const command = commandOf(input, key);
  if (overlay === 'typing') {
    // The text field takes everything else.
    if (key.escape) session.closeOverlay();
  } else if (overlay === 'curl' && (key.upArrow || key.downArrow)) {
    session.turnCurl(key.downArrow ? 1 : -1);
  } else if (overlay !== 'none') {
    if (command === 'quit' || command === 'language') session.run(command);
    else session.closeOverlay();
  } else if (page === 'picker' && (key.upArrow || key.downArrow)) {
    session.mark(key.downArrow ? 1 : -1);
  } else if (page === 'picker' && key.return) {
    session.openStage(session.getState().stage);
  } else if (command !== undefined) {
    session.run(command);
  } else {
    // A key held down may arrive as one text of several.
    for (const character of input.length > 1 ? input : '') press(session, character, key);
  }
}
