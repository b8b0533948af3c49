/**
 * A process that writes a log to stderr, which its parent does not read, and tells on stdout how that was.
 *
 *     node log-worker.ts         as much as it can for a while
 *     node log-worker.ts few     a hundred lines, and ends
 */
import process from 'node:process';
import { SystemClock } from '../../../shared/clock.ts';
import { EventLog, openLogOutput } from '../observe/event-log.ts';

const LINES = 6000;
const FILLER = 'x'.repeat(400);

const stream = openLogOutput(2);
const log = new EventLog({ clock: new SystemClock(), format: 'json', stream });

if (process.argv[2] === 'few') {
  for (let index = 0; index < 100; index += 1) log.write('info', `kind-${index}`, { filler: FILLER });
} else {
  let longestTurnMs = 0;
  for (let index = 0; index < LINES; index += 1) {
    const beganMs = performance.now();
    log.write('info', `kind-${index}`, { filler: FILLER });
    longestTurnMs = Math.max(longestTurnMs, performance.now() - beganMs);
    if (index % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const droppedCount = log.metrics()[0]?.series[0]?.value;
  process.stdout.end(JSON.stringify({ longestTurnMs, droppedCount, unreadBytes: stream.writableLength }));
  log.close();
}
