/** Mutants that lose or change part of a message on its way: offsets, ids, times, bodies, keys and headers. */
import { LIMITS } from '../../contract/limits.ts';
import { broken, changedDeliveries, type Mutant } from './mutant.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const recordMutants: readonly Mutant[] = [
  broken({
    name: 'offsets from one',
    stage: 1,
    bug: 'The first message gets offset 1, so a reader that begins at 0 believes one was lost.',
    killedBy: 'offsets count 0, 1, 2 in the order of acceptance',
    instead: ({ send }) => ({
      send: async (...args) => {
        const receipt = await send(...args);
        return { ...receipt, offset: (receipt.offset ?? 0) + 1 };
      },
    }),
  }),
  broken({
    name: 'offset read before the write',
    stage: 1,
    bug: 'Two producers that send at the same time are told the same offset: it is read first and written later.',
    killedBy: 'concurrent sends get distinct offsets',
    instead: ({ send, describeTopics }) => ({
      send: async (topic, ...rest) => {
        const [description] = await describeTopics({ topic });
        const receipt = await send(topic, ...rest);
        return { ...receipt, offset: description?.logEndOffset ?? 0 };
      },
    }),
  }),
  broken({
    name: 'id from the clock',
    stage: 1,
    bug: 'Two messages of the same millisecond have the same id.',
    killedBy: 'a message without an id gets one that no other message has',
    instead: ({ send }, { clock }) => ({
      send: (topic, message, options) => send(topic, { id: `id-${clock?.now()}`, ...message }, options),
    }),
  }),
  broken({
    name: 'id of the caller replaced',
    stage: 1,
    bug: 'A producer that sends again after a lost answer cannot be recognised: its own id was thrown away.',
    killedBy: 'a receipt names the topic, the partition, the offset, the id and how safe the message is',
    instead: ({ send }) => ({
      send: (topic, { id: _, ...message }, options) => send(topic, message, options),
    }),
  }),
  broken({
    name: 'raw wall clock',
    stage: 1,
    bug: 'When the computer sets its clock back, newer messages look older than those before them.',
    killedBy: 'a timestamp is the time of acceptance, and does not go back when the wall clock does',
    instead: (sound, { clock }) => {
      const acceptedAt = new Map<string, number>();
      return {
        send: async (...args) => {
          const receipt = await sound.send(...args);
          acceptedAt.set(receipt.id, clock?.now() ?? 0);
          return receipt;
        },
        ...changedDeliveries(sound, (delivery) => ({ ...delivery, timestamp: acceptedAt.get(delivery.id) ?? 0 })),
      };
    },
  }),
  broken({
    name: 'length in characters',
    stage: 1,
    bug: 'Chinese text comes back cut: its length was counted in characters and used for bytes.',
    killedBy: 'text outside ASCII arrives character for character',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        return { ...delivery, body: delivery.body.slice(0, decoder.decode(delivery.body).length) };
      }),
  }),
  broken({
    name: 'two bytes for the length',
    stage: 1,
    bug: 'A body above 65,535 bytes comes back short: its length has two bytes and begins again at zero.',
    killedBy: 'a body larger than 65,535 bytes arrives whole',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        return { ...delivery, body: delivery.body.slice(0, delivery.body.length % 65_536) };
      }),
  }),
  broken({
    name: 'body kept as a string',
    stage: 1,
    bug: 'A picture comes back as another file: its bytes were turned into text and back.',
    killedBy: 'a body of every byte value arrives byte for byte',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({ ...delivery, body: encoder.encode(decoder.decode(delivery.body)) })),
  }),
  broken({
    name: 'an empty body counts as none',
    stage: 1,
    bug: 'A message with an empty body is swallowed, because zero bytes are taken for "there is nothing".',
    killedBy: 'an empty body is a message like any other',
    instead: ({ receive }) => ({
      receive: async (...args) => (await receive(...args)).filter(({ body }) => body.length > 0),
    }),
  }),
  broken({
    name: 'hands out a Buffer',
    stage: 1,
    bug: 'slice of a body shares its bytes instead of copying them, since the body is a Buffer and no plain array.',
    killedBy: 'a body is handed out as a plain Uint8Array',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, body: Buffer.from(delivery.body) })),
  }),
  broken({
    name: 'body limit off by one',
    stage: 1,
    bug: 'A body of exactly the largest legal size is refused: the comparison has one sign too many.',
    killedBy: 'a body of exactly bodyBytesMax is accepted and one byte more is MQ_MESSAGE_TOO_LARGE',
    given: (options) => ({ ...options, limits: { bodyBytesMax: LIMITS.bodyBytesMax - 1 } }),
    instead: () => ({ limits: LIMITS }),
  }),
  broken({
    name: 'key forgotten',
    stage: 1,
    bug: 'Every message arrives without its key, so nobody can tell which order it belongs to.',
    killedBy: 'a delivery carries the offset, id, key, partition and topic of its message',
    instead: (sound) => changedDeliveries(sound, ({ key: _, ...delivery }) => delivery),
  }),
  broken({
    name: 'headers forgotten',
    stage: 1,
    bug: 'Headers never arrive: only the body was stored.',
    killedBy: 'headers, keys and ids arrive as they were sent, in any script and with line breaks',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, headers: Object.create(null) })),
  }),
  broken({
    name: 'headers with a prototype',
    stage: 1,
    bug: 'A header named __proto__ disappears, and one named toString is there that nobody sent.',
    killedBy: "headers named like an object's own members are ordinary headers",
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({ ...delivery, headers: Object.assign({}, delivery.headers) })),
  }),
  broken({
    name: 'headers as lines',
    stage: 1,
    bug: 'A line break in a header value makes a second header, so a stranger can send headers of his choice.',
    killedBy: 'a line break in a header value makes no second header',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => {
        const text = Object.entries(delivery.headers).map(([name, value]) => `${name}: ${value}`);
        const lines = text.join('\r\n').split('\r\n');
        return { ...delivery, headers: Object.fromEntries(lines.map((line) => line.split(': ', 2))) };
      }),
  }),
  broken({
    name: 'a key called undefined',
    stage: 1,
    bug: 'All messages without a key have the same one, so they look as if they belonged together.',
    killedBy: 'a message without a key has none when it arrives',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, key: String(delivery.key) })),
  }),
  broken({
    name: 'times in seconds',
    stage: 1,
    bug: 'Times have a fraction and lie in the year 1970: they are seconds where milliseconds are expected.',
    killedBy: 'timestamps never decrease within a partition',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, timestamp: delivery.timestamp / 1000 })),
  }),
  broken({
    name: 'headers nobody sent',
    stage: 1,
    bug: 'Every message arrives with a header its producer knows nothing of.',
    killedBy: 'a message without headers arrives with none',
    instead: (sound) =>
      changedDeliveries(sound, (delivery) => ({ ...delivery, headers: { ...delivery.headers, stored: 'yes' } })),
  }),
  broken({
    name: 'one header too few',
    stage: 1,
    bug: 'The largest legal number of headers is refused: the comparison has one sign too many.',
    killedBy: 'headers up to headersCountMax and headersBytesMax are accepted and more are MQ_MESSAGE_TOO_LARGE',
    given: (options) => ({ ...options, limits: { headersCountMax: LIMITS.headersCountMax - 1 } }),
    instead: () => ({ limits: LIMITS }),
  }),
  broken({
    name: 'a key of any length',
    stage: 1,
    bug: 'A key of a megabyte is accepted, although the broker says what is the longest.',
    killedBy: 'a key of keyBytesMax and an id of idBytesMax are accepted and one byte more is MQ_MESSAGE_TOO_LARGE',
    given: (options) => ({ ...options, limits: { keyBytesMax: 1024 * 1024 } }),
    instead: () => ({ limits: LIMITS }),
  }),
  broken({
    name: 'broken text repaired',
    stage: 1,
    bug: 'Half a character is stored as a question mark, and the producer never learns that its text was broken.',
    killedBy: 'text with a lone surrogate is refused wherever it stands',
    instead: ({ send }) => ({
      send: (topic, { body, ...message }, options) =>
        send(topic, { ...message, body: typeof body === 'string' ? body.toWellFormed() : body }, options),
    }),
  }),
  broken({
    name: 'no body is an empty body',
    stage: 1,
    bug: 'A message without a body is stored as an empty one, so a misspelt member is never noticed.',
    killedBy: 'a message of the wrong shape is refused with the path of what is wrong',
    instead: ({ send }) => ({
      send: (topic, message, options) => {
        const isBodyless = typeof message === 'object' && message !== null && message.body === undefined;
        return send(topic, isBodyless ? { ...message, body: '' } : message, options);
      },
    }),
  }),
];
