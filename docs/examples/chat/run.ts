/**
 * The chat in a terminal: npx node docs/examples/chat/run.ts <name> [url]. Without an url it is the server too, for others on
 * this machine.
 *
 *     hello            to the room            /join tea      another room         /who       who is here
 *     @bert hello      to bert alone          /quit
 */
import process from 'node:process';
import { createInterface } from 'node:readline';
import { createMqttServer } from '../../../stages/5-robust-broker/doors/mqtt/server.ts';
import { createBroker } from '../../../stages/5-robust-broker/index.ts';
import { Chat } from './chat.ts';

const PORT = 1883;
const COMMANDS = '@name text, /join room, /who, /quit; anything else is said to the room';
const [name = 'anna', given] = process.argv.slice(2);

try {
  const own = given === undefined ? await serve() : undefined;
  await chatAt(given ?? own?.url ?? '');
  await own?.close();
} catch (error) {
  console.error(explained(error));
  process.exitCode = 1;
}

/** Until `/quit`, the end of the input, or until somebody else takes the name. */
async function chatAt(url: string): Promise<void> {
  const chat = await Chat.join({
    url,
    name,
    onHeard: ({ from, text, room }) =>
      console.log(room === undefined ? `${from} to you: ${text}` : `${from} in ${room}: ${text}`),
    onPresence: (who, isHere) => console.log(`* ${who} ${isHere ? 'is here' : 'has gone'}`),
    onReplaced: () => {
      console.log(`* ${name} came in from elsewhere, so this is the end here`);
      process.exit(0);
    },
  });
  let room = 'lobby';
  await chat.enter(room);
  console.log(`You are in ${room}: ${COMMANDS}.`);
  console.log(`Others: npx node docs/examples/chat/run.ts <name> ${url}`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === '/quit') break;
    room = await obey(chat, line, room);
  }
  await chat.quit();
  process.stdin.destroy(); // an open one keeps the process, though nobody reads it any more
}

/** Resolves to the room in which the next line is said. */
async function obey(chat: Chat, line: string, room: string): Promise<string> {
  const [, to, text] = /^@(\S+) (.*)$/.exec(line) ?? [];
  const [, next] = /^\/join ([^/+#\s]+)$/.exec(line) ?? [];
  if (line === '/who') console.log(chat.people.join(', '));
  else if (next !== undefined) {
    await chat.leave(room);
    await chat.enter(next);
    console.log(`You are in ${next}.`);
    return next;
  } else if (line.startsWith('/')) console.log(`There is no such command: ${COMMANDS}.`);
  else if (to !== undefined && text !== undefined) await chat.tell(to, text);
  else if (line !== '') await chat.say(room, line);
  return room;
}

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

function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const again = `npx node docs/examples/chat/run.ts ${name} mqtt://127.0.0.1:${PORT}`;
  if ('code' in error && error.code === 'EADDRINUSE') return `There is a server on port ${PORT}. To join it: ${again}`;
  if ('code' in error && error.code === 'ECONNREFUSED')
    return `There is no server at ${given}. To be it: leave the url out.`;
  return error.message;
}
