/** The chat, in front of brokers of two stages: rooms, whispers, and people who come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('a name that would be another topic is refused', async () => {
  const onHeard = (): void => undefined;
  for (const name of ['', 'a/b', '#', '$x'])
    await assert.rejects(Chat.join({ url: 'mqtt://127.0.0.1:1', name, onHeard }), /name/);
  await assert.rejects(Chat.join({ url: 'mqtt://127.0.0.1:1', name: 'anna', onHeard }));
});
