/**
 * What script.py and script.rb do, for clients in this process: the same steps, the same lines.
 *
 * Always true: it uses what the client offers, and no bytes of its own.
 */
export interface Heard {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

type Words = Readonly<Record<string, string>>;

/** One connection of one client library. */
export interface ScriptConnection {
  /** Resolves when the receipt is there. */
  send(destination: string, body: string | Buffer, headers?: Words): Promise<void>;
  /** Resolves when the receipt is there, to what hands out what comes. */
  subscribe(destination: string, headers: Words): Promise<() => Promise<Heard>>;
  unsubscribe(id: string, headers?: Words): Promise<void>;
  ack(message: Heard): Promise<void>;
  nack(message: Heard): Promise<void>;
  begin(transaction: string): Promise<void>;
  commit(transaction: string): Promise<void>;
  abort(transaction: string): Promise<void>;
  /** DISCONNECT with a receipt. */
  leave(): Promise<void>;
}

export interface ScriptClient {
  /** Makes its topics unlike those of the others. */
  readonly name: string;
  connect(options?: { readonly clientId?: string; readonly heartbeatMs?: number }): Promise<ScriptConnection>;
}

const NEWS = { 'activemq.subscriptionName': 'news' };

/** The lines that every client prints. `heartBeats` resolves when the only connection there is has had some, both ways. */
export async function playScript(client: ScriptClient, heartBeats: () => Promise<void>): Promise<readonly string[]> {
  const lines = [...(await playAcks(client)), ...(await playTransactions(client))];
  return [...lines, await playDurable(client), await playBytes(client, heartBeats)];
}

async function playAcks(client: ScriptClient): Promise<readonly string[]> {
  const queue = `/queue/${client.name}`;
  const one = await client.connect();
  await one.send(queue, 'hello', { price: '9:5', note: 'a\nb:c' });
  const next = await one.subscribe(queue, { id: 's', ack: 'auto' });
  const { body, headers } = await next();
  await one.unsubscribe('s');
  for (const text of ['one', 'two', 'three']) await one.send(`${queue}-acks`, text);
  const held = await one.subscribe(`${queue}-acks`, { id: 'c', ack: 'client' });
  const messages = [await held(), await held(), await held()];
  const [, second] = messages;
  if (second !== undefined) await one.ack(second);
  await one.leave();
  const two = await client.connect();
  const again = await two.subscribe(`${queue}-acks`, { id: 'c', ack: 'client-individual', 'prefetch-count': '1' });
  const third = await again();
  await two.nack(third);
  const nacked = await again();
  await two.ack(nacked);
  await two.leave();
  return [
    `auto ${body} ${headers.price} '${headers.note?.replace('\n', '\\n')}'`,
    `client ${third.body}`,
    `nack ${nacked.body} ${nacked.headers.redelivered} ${nacked.headers['delivery-count']}`,
  ];
}

async function playTransactions(client: ScriptClient): Promise<readonly string[]> {
  const queue = `/queue/${client.name}-tx`;
  const one = await client.connect();
  const next = await one.subscribe(queue, { id: 't', ack: 'auto' });
  await one.begin('aborted');
  await one.send(queue, 'never', { transaction: 'aborted' });
  await one.abort('aborted');
  await one.begin('committed');
  await one.send(queue, 'first', { transaction: 'committed' });
  await one.send(queue, 'second', { transaction: 'committed' });
  await one.commit('committed');
  const [first, second] = [await next(), await next()];
  await one.leave();
  return [`transaction ${first.body} ${second.body}`];
}

async function playDurable(client: ScriptClient): Promise<string> {
  const { name } = client;
  const one = await client.connect({ clientId: name });
  await one.subscribe(`/topic/${name}`, { id: 'd', ...NEWS });
  await one.leave();
  const two = await client.connect();
  await two.send(`/topic/${name}`, 'missed');
  await two.leave();
  const back = await client.connect({ clientId: name });
  const next = await back.subscribe(`/topic/${name}`, { id: 'd', ...NEWS });
  const { body } = await next();
  await back.unsubscribe('d', NEWS);
  await back.leave();
  return `durable ${body}`;
}

/** Heart-beats keep a connection that is quiet for longer than the server waits. */
async function playBytes(client: ScriptClient, heartBeats: () => Promise<void>): Promise<string> {
  const one = await client.connect({ heartbeatMs: 200 });
  await heartBeats();
  await one.send(`/queue/${client.name}-bytes`, Buffer.from([0, 255, 10, 0]));
  const next = await one.subscribe(`/queue/${client.name}-bytes`, { id: 'b', ack: 'auto' });
  const { body } = await next();
  await one.leave();
  return `bytes ${body.toString('hex')}`;
}
