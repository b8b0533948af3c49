/**
 * `mq` alone: opens the screen for a person at a terminal; in a pipe or under CI, where a screen would be noise, it
 * tells the stories of all stages as plain lines.
 */
import { EXIT, QuietEnd } from '../exit.ts';
import { chooseLanguage } from '../language.ts';
import { STAGES } from '../target-name.ts';
import type { Terminal } from '../terminal.ts';
import { storyLines, tellStory } from './stage.ts';

export interface ScreenOptions {
  readonly lang?: string;
  readonly json?: boolean;
}

export async function runScreen(terminal: Terminal, options: ScreenOptions): Promise<void> {
  const language = chooseLanguage({ lang: options.lang, env: terminal.env });
  if (options.json) {
    const stories = [];
    for (const stage of STAGES) stories.push({ stage, lines: await storyLines(stage) });
    await terminal.printJson(stories);
  } else if (!terminal.isInteractive) {
    for (const stage of STAGES) {
      await tellStory(terminal, stage, language);
      await terminal.print('', '');
    }
  } else {
    const { startScreen } = await import('../tui/start.ts');
    const exitCode = await startScreen({ language });
    if (exitCode !== EXIT.ok) throw new QuietEnd(exitCode);
  }
}
