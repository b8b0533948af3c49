/**
 * A chat over MQTT: rooms, and messages from one person to another. Any broker that speaks MQTT will do, and so will any
 * client: whoever writes to `chat/room/tea` with mosquitto_pub is heard in the room.
 *
 *     chat/room/<room>     what is said to everybody in it
 *     chat/to/<name>       what is said to one person, who need not be there
 *     chat/here/<name>     who is there: retained while he is, emptied by his will
 *
 * Always true: what was said to somebody who is away waits for him; what was said in a room too, from his first visit on; nobody
 * hears himself; who loses his connection is not here any more without having to say so; a name is one person.
 */
import mqtt, { type MqttClient } from 'mqtt';

/** How long the broker keeps what was said to somebody who is away. */
const AWAY_SECONDS = 7 * 24 * 3600;
/** A name is one level of a topic. */
const NAME = /^[^/+#$\0]{1,40}$/;

export interface Heard {
  readonly from: string;
  readonly text: string;
  /** Undefined: it was said to you alone. */
  readonly room: string | undefined;
}

export interface ChatOptions {
  /** `mqtt://host:port`, or `ws:`. */
  readonly url: string;
  readonly name: string;
  readonly onHeard: (heard: Heard) => void;
  /** Somebody else came or went. */
  readonly onPresence?: (name: string, isHere: boolean) => void;
  /** Somebody came in under this name, here or elsewhere: this one is out. */
  readonly onReplaced?: () => void;
}

/** Of a DISCONNECT: another connection took the session. */
const SESSION_TAKEN_OVER = 0x8e;

export class Chat {
  readonly name: string;
  readonly #client: MqttClient;
  readonly #here = new Set<string>();

  private constructor(name: string, client: MqttClient) {
    this.name = name;
    this.#client = client;
  }

  /** Rejects when there is no broker, or when it does not let this name in. */
  static async join({ url, name, onHeard, onPresence, onReplaced }: ChatOptions): Promise<Chat> {
    if (!NAME.test(name)) throw new Error('a name has 1 to 40 characters, and no /, +, # or $');
    if (!/^(mqtt|ws)s?:\/\//.test(url))
      throw new Error(`a chat is at mqtt://host:port or ws://host:port, not at ${url}`);
    const here = `chat/here/${name}`;
    const client = mqtt.connect(url, {
      protocolVersion: 5,
      clientId: `chat-${name}`,
      clean: false, // the session waits for us while we are away
      properties: { sessionExpiryInterval: AWAY_SECONDS },
      will: { topic: here, payload: Buffer.alloc(0), qos: 1, retain: true },
      reconnectPeriod: 1000,
    });
    const chat = new Chat(name, client);
    // Before the connection is there: what waited for us comes with it.
    client.on('message', (topic, payload, { properties }) => {
      const from = String(properties?.userProperties?.from ?? 'somebody');
      chat.#heard(topic, String(payload), { from, onHeard, onPresence });
    });
    client.on('connect', () => client.publish(here, 'here', { qos: 1, retain: true }));
    client.on('disconnect', ({ reasonCode }) => {
      if (reasonCode !== SESSION_TAKEN_OVER) return;
      client.end(true); // to come back would throw the other one out, and so on for ever
      onReplaced?.();
    });
    await connected(client);
    await client.subscribeAsync({ [`chat/to/${name}`]: { qos: 1 }, 'chat/here/+': { qos: 1 } });
    return chat;
  }

  /** Who is here now. */
  get people(): readonly string[] {
    return [...this.#here].sort();
  }

  async enter(room: string): Promise<void> {
    await this.#client.subscribeAsync(`chat/room/${room}`, { qos: 1, nl: true });
  }

  async leave(room: string): Promise<void> {
    await this.#client.unsubscribeAsync(`chat/room/${room}`);
  }

  /** Resolves when the broker has it. */
  async say(room: string, text: string): Promise<void> {
    await this.#send(`chat/room/${room}`, text);
  }

  /** Whether he is there or not; who was never there cannot be reached. */
  async tell(name: string, text: string): Promise<void> {
    await this.#send(`chat/to/${name}`, text);
  }

  /** For now: what is said meanwhile is there when we come again. */
  async quit(): Promise<void> {
    await this.#client.publishAsync(`chat/here/${this.name}`, '', { qos: 1, retain: true });
    await this.#client.endAsync();
  }

  /** As when the cable is pulled. */
  async vanish(): Promise<void> {
    await this.#client.endAsync(true);
  }

  async #send(topic: string, text: string): Promise<void> {
    await this.#client.publishAsync(topic, text, { qos: 1, properties: { userProperties: { from: this.name } } });
  }

  #heard(
    topic: string,
    text: string,
    { from, onHeard, onPresence }: { readonly from: string } & Pick<ChatOptions, 'onHeard' | 'onPresence'>,
  ): void {
    const [, kind, name = ''] = topic.split('/');
    if (kind === 'room') onHeard({ from, text, room: name });
    if (kind === 'to') onHeard({ from, text, room: undefined });
    if (kind !== 'here') return;
    const isHere = text !== '';
    if (isHere === this.#here.has(name)) return;
    if (isHere) this.#here.add(name);
    else this.#here.delete(name);
    if (name !== this.name) onPresence?.(name, isHere);
  }
}

function connected(client: MqttClient): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve());
    client.once('error', (error) => {
      client.end(true);
      reject(error);
    });
  });
}
