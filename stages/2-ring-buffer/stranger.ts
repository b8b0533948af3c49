/**
 * Another process that wants to read: `limit.ts` starts it and passes the topic's name as its argument.
 *
 * It does what it can: this stage's broker is a library, so it makes one of its own, and asks that for the message. It
 * prints what it got as one line of JSON, `{"pid", "topicCount", "deliveryCount"}`.
 */
import process from 'node:process';
import { createBroker } from './index.ts';

const topic = process.argv[2] ?? '';
const broker = await createBroker();
const topicCount = (await broker.describeTopics()).length;
const deliveries = await broker.receive(topic, { group: 'stranger', max: 10 });
await broker.close();
process.stdout.write(`${JSON.stringify({ pid: process.pid, topicCount, deliveryCount: deliveries.length })}\n`);
