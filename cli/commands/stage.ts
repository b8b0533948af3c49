/**
 * `mq stage <n>`: the story of a stage, told by running its real broker with a fixed seed and a virtual clock, so that
 * a printed story is the same every time.
 */
import type { Command } from 'commander';
import type { Language, StoryLine } from '../../shared/lesson.ts';
import { chooseLanguage } from '../language.ts';
import { addExamples, addJsonOption, addLanguageOption, languageAsked, stageArgument } from '../options.ts';
import { storyOf } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { columnsOf } from '../text.ts';

export function define(command: Command, terminal: Terminal): void {
  command.addArgument(stageArgument());
  addLanguageOption(command);
  addJsonOption(command, 'the lines of the story, in both languages,');
  addExamples(command, 'mq stage 1', 'mq stage 2 --lang zh');
  command.action(async (stage: number, options: { json?: boolean }) => {
    const language = chooseLanguage({ lang: languageAsked(command), env: terminal.env });
    if (options.json) await terminal.printJson({ stage, lines: await storyLines(stage) });
    else await tellStory(terminal, stage, language);
  });
}

/** All lines of a stage's story. */
export async function storyLines(stage: number): Promise<StoryLine[]> {
  const story = await storyOf(stage);
  const lines: StoryLine[] = [];
  for await (const line of story()) lines.push(line);
  return lines;
}

/** Prints a story line by line, as it happens. */
export async function tellStory(terminal: Terminal, stage: number, language: Language): Promise<void> {
  const story = await storyOf(stage);
  let isFirst = true;
  for await (const line of story()) {
    const heading = isFirst && line.kind === 'title' ? line.text[language] : undefined;
    if (heading === undefined) await terminal.print(...linesOf(terminal, line, language));
    else await terminal.print(terminal.paint('bold', heading), '='.repeat(columnsOf(heading)));
    isFirst = false;
  }
}

function linesOf(terminal: Terminal, line: StoryLine, language: Language): string[] {
  switch (line.kind) {
    case 'title':
      return ['', terminal.paint('bold', line.text[language]), ''];
    case 'say':
      return [line.text[language]];
    case 'call':
      return [terminal.paint('cyan', `  > ${line.code}`)];
    case 'saw':
      return [terminal.paint('green', `  = ${line.text[language]}`)];
    case 'picture':
      return line.lines.map((row) => `    ${row}`);
  }
}
