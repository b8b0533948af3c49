import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { cleanup, render } from 'ink-testing-library';
import { createElement } from 'react';
import { register } from 'tsx/esm/api';
import { SimulatedDisk } from '../../shared/simulated-disk.ts';
import { openTarget } from '../target.ts';
import { layoutOf } from './layout.ts';
import { Session } from './session.ts';
import { widthOf } from './text.ts';

const unregister = register();
const { Picker } = await import('./picker.tsx');
const { Screen } = await import('./screen.tsx');
const { StagePage } = await import('./stage-page.tsx');
after(() => unregister());

const ARROW_DOWN = '\u001b[B';
const open: Session[] = [];
let quitCount = 0;
let interruptCount = 0;

function newSession(): Session {
  const session = new Session({
    language: 'en',
    openStage: (stage, { signal: _, brokerOptions, ...options }) => {
      const disk = new SimulatedDisk();
      const onDisk = stage >= 4 ? { disk, dataFolder: '/data' } : {};
      return openTarget(String(stage), { ...options, brokerOptions: { ...brokerOptions, ...onDisk } });
    },
    onQuit: () => {
      quitCount += 1;
    },
    onFault: (error) => {
      throw error;
    },
  });
  open.push(session);
  return session;
}

/** Resolves as soon as the state is as wanted. */
function stateOf(session: Session, isWanted: (state: ReturnType<Session['getState']>) => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!isWanted(session.getState())) return;
      stop();
      resolve();
    };
    const stop = session.subscribe(look);
    look();
  });
}

/** The screen with a keyboard. Ink takes a key only after its effects have run. */
async function screenOf(session: Session) {
  const onInterrupt = (): void => {
    interruptCount += 1;
  };
  const { stdin, lastFrame } = render(createElement(Screen, { session, onInterrupt }));
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  while (stdin.listenerCount('readable') === 0) await turn();
  const press = async (keys: string): Promise<void> => {
    stdin.write(keys);
    await turn();
  };
  return { press, lastFrame };
}

afterEach(async () => {
  cleanup();
  await Promise.all(open.splice(0).map((session) => session.close()));
});

test('the picker names five stages', () => {
  const { lastFrame } = render(createElement(Picker, { state: newSession().getState(), columns: 80 }));
  const frame = stripVTControlCharacters(lastFrame() ?? '');
  for (const name of ['blocking queue', 'ring buffer', 'HTTP server', 'persisted log', 'robust broker']) {
    assert.ok(frame.includes(name), frame);
  }
  assert.match(frame, /> 1 {2}blocking queue/);
});

test('arrows mark a stage and Enter opens it; Ctrl-C is told at once and q quits', async () => {
  const session = newSession();
  const { press } = await screenOf(session);
  await press(ARROW_DOWN);
  assert.equal(session.getState().stage, 2);
  await press('\r');
  await stateOf(session, ({ page, simulation }) => page === 'stage' && simulation?.inside?.kind === 'ring');
  await press('\u0003');
  await press('q');
  assert.deepEqual([interruptCount, quitCount], [1, 1]);
});

test('keys change what they say they change', async () => {
  const session = newSession();
  const { press } = await screenOf(session);
  await press('2');
  await stateOf(session, ({ simulation }) => simulation !== undefined && simulation.readers.length === 3);
  await press('+');
  await stateOf(session, ({ simulation }) => simulation?.producers[0]?.ratePerSecond === 3);
  await press('--');
  await stateOf(session, ({ simulation }) => simulation?.producers[0]?.ratePerSecond === 1);
  await press('n');
  await stateOf(session, ({ simulation }) => simulation?.producers.length === 2);
  await press('a');
  await stateOf(session, ({ simulation }) => simulation?.readers.at(-1)?.group === 'pay');
  await press('g');
  await stateOf(session, ({ simulation }) => simulation?.readers.at(-1)?.group === 'ship');
  await press('r');
  await stateOf(session, ({ simulation }) => simulation?.readers.at(-1)?.kind === 'log');
  await press(ARROW_DOWN);
  await stateOf(session, ({ reader }) => reader === 'c2');
  await press('p');
  await stateOf(session, ({ simulation }) => simulation?.readers[1]?.state === 'paused');
  await press('p');
  await press('w');
  await stateOf(session, ({ simulation }) => simulation?.readers[1]?.isSlow === true);
  await press('c');
  await stateOf(session, ({ simulation }) => simulation?.readers[1]?.state === 'crashed');
  await press('x');
  await stateOf(session, ({ simulation }) => simulation?.readers.every(({ name }) => name !== 'c2') === true);
  await press('o');
  await stateOf(session, ({ simulation }) => simulation?.overflow === 'reject');
  await press(' ');
  await stateOf(session, ({ simulation }) => simulation?.isPaused === true);
  await press('l');
  assert.equal(session.getState().language, 'zh');
  await press('1');
  await stateOf(session, ({ simulation, stage }) => stage === 1 && simulation?.inside?.kind === 'queue');
  assert.equal(session.getState().simulation?.isPaused, false, 'another stage begins running');
});

test('while a message is typed the keys are letters; Enter sends it, Escape does not', async () => {
  const session = newSession();
  const { press } = await screenOf(session);
  await press('1');
  await stateOf(session, ({ simulation }) => simulation !== undefined);
  await press('m');
  await press('quit 茶');
  assert.equal(quitCount, 1, 'q was a letter');
  assert.equal(session.getState().overlay, 'typing');
  await press('\r');
  assert.equal(session.getState().overlay, 'none');
  await stateOf(session, ({ simulation }) => simulation?.events.some(({ key }) => key === 'event.sent') === true);
});

test('keys of stage 4: later, urgent, failed, rejected, and back from the dead letters', async () => {
  const session = newSession();
  const { press } = await screenOf(session);
  const told = (wanted: string) =>
    stateOf(session, ({ simulation }) => simulation?.events.some(({ key }) => key === wanted) === true);
  /** Again and again: what it holds it may be about to finish. */
  const pressUntil = async (key: string, wanted: string): Promise<void> => {
    while (!session.getState().simulation?.events.some((event) => event.key === wanted)) {
      await stateOf(session, ({ simulation }) => (simulation?.readers[0]?.held.length ?? 0) > 0);
      await press(key);
    }
  };
  await press('4');
  await stateOf(session, ({ simulation }) => simulation?.inside?.kind === 'log');
  await press('d');
  await told('event.sentDelayed');
  await stateOf(session, ({ simulation }) => simulation?.description?.delayedCount === 1);
  await press('i');
  await told('event.sentUrgent');
  await pressUntil('e', 'event.nack.retry');
  await pressUntil('j', 'event.nack.reject');
  await told('event.dead');
  await press('v');
  await told('event.redriven');
  // It is a broker in this process: there is none to kill.
  await press('kf');
  assert.equal(session.getState().simulation?.process, undefined);
});

test('keys of stage 5: a transaction, a half message, a producer that dies, a number, a filter, an isolation', async () => {
  const session = newSession();
  const { press } = await screenOf(session);
  const told = (wanted: string) =>
    stateOf(session, ({ simulation }) => simulation?.events.some(({ key }) => key === wanted) === true);
  await press('5');
  await stateOf(session, ({ simulation }) => simulation?.inside?.kind === 'log');
  await press('s');
  await told('event.sentNumbered');
  await press('D');
  await told('event.duplicate');
  await press('t');
  await stateOf(session, ({ simulation }) => (simulation?.producers[0]?.transactionCount ?? 0) > 0);
  await press('t');
  await told('event.transactionCommitted');
  await told('event.marker.committed');
  await press('t');
  await told('event.transactionBegun');
  await stateOf(session, ({ simulation }) => simulation?.producers[0]?.transactionCount !== undefined);
  await press('T');
  await told('event.transactionAborted');
  for (const [key, ended] of [
    ['Y', 'event.half.commit'],
    ['U', 'event.half.abort'],
  ] as const) {
    await press('y');
    await stateOf(session, ({ simulation }) => {
      const inside = simulation?.inside;
      return inside?.kind === 'log' && (inside.halves?.length ?? 0) > 0;
    });
    await press(key);
    await told(ended);
    await stateOf(session, ({ simulation }) => simulation?.inside?.kind === 'log' && !simulation.inside.halves?.length);
  }
  await press('U');
  await told('event.noHalf');
  await press('C');
  await stateOf(session, ({ simulation }) => simulation?.producers[0]?.isCrashed === true);
  await press('C');
  await told('event.producerBack');
  await press('F');
  await stateOf(session, ({ simulation }) => simulation?.readers[0]?.filter === 'card');
  await press('R');
  await told('event.notALogReader');
});

test('the page of a stage fills exactly the size it is given, in both languages', async () => {
  for (const stage of [2, 4, 5]) {
    const session = newSession();
    session.openStage(stage);
    await stateOf(session, ({ simulation }) => simulation?.inside !== undefined);
    for (const [columns, rows] of [
      [78, 22],
      [80, 24],
      [100, 40],
      [120, 40],
    ] as const) {
      for (const language of ['en', 'zh'] as const) {
        const state = { ...session.getState(), language };
        const { simulation } = state;
        assert.ok(simulation);
        const { lastFrame, unmount } = render(
          createElement(StagePage, { session, state, simulation, layout: layoutOf({ columns, rows }, stage) }),
        );
        const lines = (lastFrame() ?? '').split('\n');
        assert.equal(lines.length, rows);
        for (const line of lines) assert.ok(widthOf(line) <= columns, `${columns}x${rows} ${language}: ${line}`);
        unmount();
      }
    }
  }
});
