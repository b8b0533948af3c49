/**
 * Programs of Java with the stock client of ActiveMQ, as Debian has it: compiled into a folder of their own, and run.
 *
 * Always true: where Java or the client is missing `findJava` says what to install; a program that is not done in time is
 * ended. For tests.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const INSTALL_LINE = 'apt-get install -y libactivemq-java default-jdk-headless';
const JAR_FOLDER = '/usr/share/java';
/** The client, and what it needs. */
const JARS = [
  'activemq-client',
  'geronimo-jms_1.1_spec',
  'geronimo-jta-1.2-spec',
  'geronimo-j2ee-management-1.1-spec',
  'hawtbuf',
  'slf4j-api',
  'slf4j-nop',
];
/** A machine with two cores runs other tests at the same time. */
const JVM_OPTIONS = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8', '-Dstdout.encoding=UTF-8'];

/** Compiled programs. */
export interface JavaPrograms extends Disposable {
  /** Runs the class `main`. */
  run(main: string, options: RunOptions): Promise<JavaRun>;
}

export interface RunOptions {
  readonly arguments?: readonly string[];
  readonly timeoutMs: number;
  /** Told of each line; what it answers is written to the program, as one line. `end` ends the program. */
  readonly onLine?: (line: string, end: () => void) => Promise<string | undefined> | string | undefined;
}

export interface JavaRun {
  readonly lines: readonly string[];
  readonly errors: string;
  /** null: it was ended. */
  readonly exitCode: number | null;
}

/** Why no program can be run; undefined when it can. */
export function whatIsMissing(): string | undefined {
  const missing = JARS.find((jar) => !existsSync(join(JAR_FOLDER, `${jar}.jar`)));
  if (missing !== undefined) return `${missing}.jar is not there: ${INSTALL_LINE}`;
  try {
    execFileSync('javac', ['-version'], { stdio: 'ignore' });
  } catch {
    return `javac is not there: ${INSTALL_LINE}`;
  }
  return undefined;
}

/** Compiles every program of the folder. */
export function compile(folder: string): JavaPrograms {
  const classes = mkdtempSync(join(tmpdir(), 'stagemq-java-'));
  const classPath = [classes, ...JARS.map((jar) => join(JAR_FOLDER, `${jar}.jar`))].join(':');
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.java'))
    .map((name) => join(folder, name));
  execFileSync(
    'javac',
    ['-J-XX:TieredStopAtLevel=1', '-encoding', 'UTF-8', '-cp', classPath, '-d', classes, ...sources],
    {
      stdio: 'inherit',
    },
  );
  return {
    run: (main, options) => run([...JVM_OPTIONS, '-cp', classPath, main, ...(options.arguments ?? [])], options),
    [Symbol.dispose]: () => rmSync(classes, { recursive: true }),
  };
}

async function run(args: readonly string[], { timeoutMs, onLine }: RunOptions): Promise<JavaRun> {
  const child = spawn('java', args, { stdio: 'pipe', timeout: timeoutMs, killSignal: 'SIGKILL' });
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const lines: string[] = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    const answer = await onLine?.(line, () => child.kill('SIGKILL'));
    if (answer !== undefined) child.stdin.write(`${answer}\n`);
  }
  const exitCode = await closed;
  return { lines, errors, exitCode };
}

/** The names of the checks in the programs of the folder, as they are written there. */
export function checksIn(folder: string): readonly string[] {
  return readdirSync(folder).flatMap((name) => {
    const source = readFileSync(join(folder, name), 'utf8');
    return [...source.matchAll(/^ +check\("([^"]+)",/gm)].map(([, check]) => check ?? '');
  });
}
