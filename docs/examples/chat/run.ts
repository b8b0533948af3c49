/**
 * The chat in a terminal: node docs/examples/chat/run.ts <name> [url]. Without an url it is the server too, for others on this
 * machine.
 *
 *     hello            to the room            /join tea      another room         /who       who is here
 *     @bert hello      to bert alone          /quit
 */
import { createInterface } from 'node:readline';
import { createMqttServer } from '../../../stages/5-robust-broker/doors/mqtt/server.ts';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import { Chat } from './chat.ts';

const PORT = 1883;
const [name = 'anna', given] = process.argv.slice(2);
const own = given === undefined ? await serve() : undefined;
let room = 'lobby';

const chat = await Chat.join({
  url: given ?? own?.url ?? '',
  name,
  onHeard: ({ from, text, room: where }) =>
    console.log(where === undefined ? `${from} to you: ${text}` : `${from} in ${where}: ${text}`),
  onPresence: (who, isHere) => console.log(`* ${who} ${isHere ? 'is here' : 'has gone'}`),
});
await chat.enter(room);
console.log(`You are in ${room}. Others: node docs/examples/chat/run.ts <name> ${given ?? own?.url}`);

for await (const line of createInterface({ input: process.stdin })) {
  const [, to, text] = /^@(\S+) (.*)$/.exec(line) ?? [];
  if (line === '/quit') break;
  if (line === '/who') console.log(chat.people.join(', '));
  else if (line.startsWith('/join ')) {
    await chat.leave(room);
    room = line.slice('/join '.length);
    await chat.enter(room);
    console.log(`You are in ${room}.`);
  } else if (to !== undefined && text !== undefined) await chat.tell(to, text);
  else if (line !== '') await chat.say(room, line);
}
await chat.quit();
await own?.close();

async function serve(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const broker = await createBroker();
  const server = await createMqttServer(broker, { port: PORT });
  return {
    url: server.url,
    close: async () => {
      await server.close();
      await broker.close();
    },
  };
}
