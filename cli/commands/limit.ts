/**
 * `mq limit <n>`: runs into what a stage cannot do and prints what was seen. Exit code 1 when a limit no longer shows:
 * then the claim is wrong, and the stage teaches something untrue.
 */
import type { Command } from 'commander';
import type { Language, LimitReport } from '../../shared/lesson.ts';
import { EXIT, QuietEnd } from '../exit.ts';
import { chooseLanguage } from '../language.ts';
import { addExamples, addJsonOption, addLanguageOption, languageAsked, stageArgument } from '../options.ts';
import { limitsOf } from '../target.ts';
import type { Terminal } from '../terminal.ts';

export function define(command: Command, terminal: Terminal): void {
  command.addArgument(stageArgument());
  addLanguageOption(command);
  addJsonOption(command, 'the reports, in both languages,');
  addExamples(command, 'mq limit 1', 'mq limit 2 --json');
  command.action(async (stage: number, options: { json?: boolean }) => {
    const language = chooseLanguage({ lang: languageAsked(command), env: terminal.env });
    const showLimits = await limitsOf(stage);
    const reports = await showLimits();
    if (options.json) await terminal.printJson(reports);
    else for (const report of reports) await terminal.print(...linesOf(terminal, report, language));
    if (!reports.every((report) => report.isShown)) throw new QuietEnd(EXIT.failed);
  });
}

const WORDS = {
  shown: { en: 'Shown.', zh: '已证实。' },
  gone: { en: 'NOT shown: the claim is no longer true.', zh: '未能证实：这个说法已不成立。' },
  next: { en: 'Next: ', zh: '下一步：' },
} as const;

function linesOf(terminal: Terminal, report: LimitReport, language: Language): string[] {
  const verdict = report.isShown
    ? terminal.paint('green', WORDS.shown[language])
    : terminal.paint('red', WORDS.gone[language]);
  return [
    terminal.paint('bold', report.claim[language]),
    ...report.steps.map((step, index) => `  ${index + 1}. ${step[language]}`),
    `  ${verdict}`,
    `  ${WORDS.next[language]}${report.next[language]}`,
    '',
  ];
}
