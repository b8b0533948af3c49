/** Programs of a few lines that the tests of the JMS-style API share. */
import assert from 'node:assert/strict';
import {
  type Connection,
  type Destination,
  type Message,
  type MessageConsumer,
  type Session,
  TextMessage,
} from '../index.ts';

/** Longer than anything takes that comes at all. */
export const SOON_MS = 10_000;

export async function sendTexts(session: Session, destination: Destination, texts: readonly string[]): Promise<void> {
  const producer = session.createProducer(destination);
  for (const text of texts) await producer.send(session.createTextMessage(text));
}

/** The next message; fails when none comes. */
export async function next(consumer: MessageConsumer): Promise<TextMessage> {
  const message = await consumer.receive(SOON_MS);
  assert.ok(message instanceof TextMessage, 'a text comes');
  return message;
}

/** The texts of the next messages. */
export async function nextTexts(consumer: MessageConsumer, count: number): Promise<(string | null)[]> {
  const texts: (string | null)[] = [];
  while (texts.length < count) texts.push((await next(consumer)).getText());
  return texts;
}

export function textOf(message: Message): string | null {
  assert.ok(message instanceof TextMessage);
  return message.getText();
}

/** A connection that is started. */
export async function started(connecting: Promise<Connection>): Promise<Connection> {
  const connection = await connecting;
  await connection.start();
  return connection;
}

/** A listener that writes down what it is handed, and promises for what it will have. */
export class Listened {
  readonly texts: (string | null)[] = [];
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  /** As a listener. */
  readonly note = (message: Message): void => {
    this.texts.push(textOf(message));
    for (const { count, resolve } of this.#waiting) if (this.texts.length >= count) resolve();
  };

  /** Resolves when so many have come. */
  async reaches(count: number): Promise<void> {
    if (this.texts.length >= count) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ count, resolve });
    await promise;
  }
}
