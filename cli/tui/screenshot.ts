/**
 * Draws docs/screen.svg and docs/screen.zh-CN.svg from the real screen: starts `mq`, presses keys as a student would,
 * and turns what the terminal then shows into a picture.
 *
 *     node cli/tui/screenshot.ts
 */
import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import type { Language } from '../../shared/lesson.ts';
import { svgOf } from './svg.ts';
import { WatchedScreen } from './watched-screen.ts';

const SIZE = { columns: 112, rows: 34 } as const;

const PICTURES = [
  { language: 'en', file: '../../docs/screen.svg', title: 'The screen of mq: stage 2, a ring buffer at work' },
  { language: 'zh', file: '../../docs/screen.zh-CN.svg', title: 'mq 的界面：第 2 阶段，工作中的环形缓冲区' },
] as const;

/** A consumer has crashed, its message came back, and a burst fills the ring. */
export async function drawScreen(language: Language, title: string): Promise<string> {
  const screen = new WatchedScreen({ ...SIZE, args: ['--lang', language] });
  try {
    await screen.until(/StageMQ/);
    screen.press('2');
    await screen.until(/#\d/);
    screen.press('r');
    // The ring is about to wrap, and c1 holds something.
    await screen.until(() => /#1\d\b/.test(screen.text) && />c1 .*#\d/.test(screen.text));
    screen.press('c');
    await screen.until(/c1 (CRASHED|崩溃).*#\d/);
    await screen.until(/CAME BACK|回来了/);
    screen.press('c');
    screen.press('b');
    await screen.until(() => / \d+R /.test(screen.text) && / \d+F /.test(screen.text));
    return svgOf(screen.terminal, title);
  } finally {
    await screen.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { language, file, title } of PICTURES) {
    writeFileSync(new URL(file, import.meta.url), await drawScreen(language, title));
  }
}
