/**
 * Which of the two languages to speak: what was asked for, else what the environment says, else English.
 * Stories, limits and the screen have both; the names of commands and options are the same in every language.
 */
import type { Language } from '../shared/lesson.ts';
import { usageError } from './exit.ts';

export interface LanguageChoice {
  /** `--lang`: `en`, `zh`, or a locale such as `zh_CN.UTF-8`. */
  readonly lang?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export function chooseLanguage(choice: LanguageChoice): Language {
  if (choice.lang !== undefined) {
    const asked = languageOf(choice.lang);
    if (asked === undefined) throw usageError(`--lang ${choice.lang}: there is en and zh`, 'type: mq --lang zh');
    return asked;
  }
  const { LC_ALL, LC_MESSAGES, LANG } = choice.env;
  // POSIX: the first of the three that is set and not empty decides, also when it decides for "C".
  return languageOf(LC_ALL || LC_MESSAGES || LANG || 'en') ?? 'en';
}

function languageOf(locale: string): Language | undefined {
  const language = locale.toLowerCase().split(/[_.@-]/)[0];
  return language === 'en' || language === 'zh' ? language : undefined;
}
