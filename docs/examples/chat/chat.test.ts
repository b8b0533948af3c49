/** The chat, in front of brokers of two stages: rooms, whispers, and people who come and go. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { SimulatedDisk } from '../../../shared/simulated-disk.ts';
import { createBroker as createRingBroker } from '../../../stages/2-ring-buffer/index.ts';
import { until } from '../../../stages/3-http-server/testing/until.ts';
import { createMqttServer } from '../../../stages/5-robust-broker/doors/mqtt/server.ts';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import { Chat, type Heard } from './chat.ts';

const BROKERS = {
  'stage 2': () => createRingBroker(),
  'stage 5': () => createBroker({ disk: new SimulatedDisk(), dataFolder: '/data' }),
};

for (const [stage, open] of Object.entries(BROKERS)) {
  test(`${stage}: people talk in rooms and to each other, and who is away misses nothing`, async () => {
    await using broker = await open();
    await using server = await createMqttServer(broker);
    const heard: Record<string, string[]> = { anna: [], bert: [] };
    const join = (name: string, url = server.url): Promise<Chat> => {
      const onHeard = ({ from, text, room }: Heard): void =>
        void heard[name]?.push(`${from}${room === undefined ? '' : ` in ${room}`}: ${text}`);
      return Chat.join({ url, name, onHeard });
    };
    const anna = await join('anna');
    let bert = await join('bert', server.url.replace('mqtt:', 'ws:'));
    for (const one of [anna, bert]) await one.enter('tea');
    await until('they see each other', () => [anna, bert].every(({ people }) => people.join() === 'anna,bert'));

    await anna.say('tea', 'hello');
    await bert.say('tea', 'good morning');
    await anna.tell('bert', 'psst');
    await until('bert has heard it all', () => heard.bert?.length === 2);
    await until('anna too', () => heard.anna?.length === 1);
    assert.deepEqual(heard.bert?.splice(0).sort(), ['anna in tea: hello', 'anna: psst']);
    assert.deepEqual(heard.anna, ['bert in tea: good morning'], 'nobody hears himself');

    await bert.quit();
    await until('anna sees it', () => anna.people.join() === 'anna');
    await anna.say('tea', 'still there?');
    await anna.tell('bert', 'call me');
    bert = await join('bert');
    await until('what was said meanwhile has come', () => heard.bert?.length === 2);
    assert.deepEqual(heard.bert?.sort(), ['anna in tea: still there?', 'anna: call me']);

    await until('he is here', () => anna.people.join() === 'anna,bert');
    await bert.vanish();
    await until('his will says that he has gone', () => anna.people.join() === 'anna');
    await anna.quit();
  });
}

test('somebody else is told of once, and who comes in under a name that is taken takes its place', async () => {
  await using broker = await createBroker({ disk: new SimulatedDisk(), dataFolder: '/data' });
  await using server = await createMqttServer(broker);
  const seen: string[] = [];
  const replaced = Promise.withResolvers<void>();
  const onHeard = (): void => undefined;
  const onPresence = (who: string, isHere: boolean): void => void seen.push(`${who} ${isHere ? 'came' : 'went'}`);
  const join = (name: string): Promise<Chat> => Chat.join({ url: server.url, name, onHeard });
  await Chat.join({ url: server.url, name: 'anna', onHeard, onReplaced: replaced.resolve });
  const bert = await Chat.join({ url: server.url, name: 'bert', onHeard, onPresence });
  await until('they see each other', () => bert.people.join() === 'anna,bert');

  const anna = await join('anna');
  await replaced.promise;
  const carl = await join('carl');
  await until('he is seen', () => seen.includes('carl came'));
  await carl.quit();
  await until('he has gone', () => seen.includes('carl went'));
  // In the order of their coming; bert is not told of himself.
  assert.deepEqual(
    seen.filter((line) => !line.startsWith('anna')),
    ['carl came', 'carl went'],
  );
  await Promise.all([anna.quit(), bert.quit()]);
});

test('in a terminal: what is no command is told, and /quit ends the process though its input stays open', async (context) => {
  await using broker = await createBroker({ disk: new SimulatedDisk(), dataFolder: '/data' });
  await using server = await createMqttServer(broker);
  const run = fileURLToPath(new URL('run.ts', import.meta.url));
  const child = spawn(process.execPath, [run, 'anna', server.url], { stdio: ['pipe', 'pipe', 'inherit'] });
  context.after(() => child.kill());
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += String(chunk);
  });
  const ended = once(child, 'exit');
  child.stdin.write('/dance\n/who\n/quit\n');
  assert.deepEqual(await ended, [0, null]);
  for (const line of [/^You are in lobby: /m, /^There is no such command: /m, /^anna$/m]) assert.match(said, line);
});

test('in a terminal: a place with no chat is told in one line', async () => {
  const run = fileURLToPath(new URL('run.ts', import.meta.url));
  for (const url of ['mqtt://127.0.0.1:1', 'http://127.0.0.1:1']) {
    const child = spawn(process.execPath, [run, 'anna', url], { stdio: ['ignore', 'inherit', 'pipe'] });
    const [said, [exitCode]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(exitCode, 1);
    assert.match(said, /^(There is no server at|a chat is at) .*\n$/);
  }
});

test('a name that would be another topic is refused', async () => {
  const onHeard = (): void => undefined;
  for (const name of ['', 'a/b', '#', '$x'])
    await assert.rejects(Chat.join({ url: 'mqtt://127.0.0.1:1', name, onHeard }), /name/);
  await assert.rejects(Chat.join({ url: 'mqtt://127.0.0.1:1', name: 'anna', onHeard }));
});
