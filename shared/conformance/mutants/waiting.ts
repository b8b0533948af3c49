/** Mutants that wake too late, too many, the wrong one, or take a message for somebody who has gone. */
import { SystemClock } from '../../clock.ts';
import { isMqError, MqError } from '../../contract/errors.ts';
import type { Delivery } from '../../contract/message.ts';
import { broken, type Mutant } from './mutant.ts';
import { newestFirst } from './newest-first.ts';

export const waitingMutants: readonly Mutant[] = [
  broken({
    name: 'looks every 100 ms',
    stage: 1,
    bug: 'A waiting consumer gets a message up to 100 ms late: it sleeps and looks instead of being woken.',
    killedBy: 'a waiting receive wakes as soon as a message exists',
    instead: ({ receive }, { clock = new SystemClock() }) => ({
      receive: async (...args) => {
        const deliveries = await receive(...args);
        await new Promise<void>((resolve) => clock.setTimer(resolve, 100));
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'waiting in vain is an error',
    stage: 1,
    bug: 'A consumer that waits in a quiet hour gets an error each time its waiting is over.',
    killedBy: 'a receive that waits in vain answers empty when its time is over',
    instead: ({ receive }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        if (deliveries.length > 0 || !options?.waitMs) return deliveries;
        throw new MqError('MQ_INTERNAL', 'timed out');
      },
    }),
  }),
  broken({
    name: 'gone and still in the line',
    stage: 1,
    bug: 'A consumer waited in vain and went; the next message is handed to it all the same and is lost.',
    killedBy: 'a receive whose time is over takes no later message with it',
    instead: ({ receive, limits }, { clock = new SystemClock() }) => ({
      receive: (topic, options) => {
        const { waitMs = 0 } = options ?? {};
        if (waitMs === 0) return receive(topic, options);
        const inLine = receive(topic, { ...options, waitMs: limits.waitMsMax });
        const timeout = new Promise<readonly Delivery[]>((resolve) => clock.setTimer(() => resolve([]), waitMs));
        return Promise.race([inLine, timeout]);
      },
    }),
  }),
  broken({
    name: 'the newest waiter first',
    stage: 1,
    bug: 'The consumer that waits longest is served last, and under load never.',
    killedBy: 'receives that wait are served in the order they came',
    instead: ({ receive }) => {
      const inLine = newestFirst();
      return { receive: (topic, options) => inLine((signal) => receive(topic, { ...options, signal })) };
    },
  }),
  broken({
    name: 'one message wakes everybody',
    stage: 1,
    bug: 'All waiting consumers get the same message, and each works on it.',
    killedBy: 'one message wakes exactly one of many waiting receives',
    instead: ({ receive }) => {
      let next = Promise.withResolvers<readonly Delivery[]>();
      return {
        receive: async (...args) => {
          const own = receive(...args).then((deliveries) => {
            if (deliveries.length > 0) next.resolve(deliveries);
            return deliveries;
          });
          const deliveries = await Promise.race([own, next.promise]);
          if (deliveries.length === 0) next = Promise.withResolvers();
          return deliveries;
        },
      };
    },
  }),
  broken({
    name: 'deaf to an abort',
    stage: 1,
    bug: 'A consumer that gave up before it asked takes a message with it.',
    killedBy: 'a receive whose signal was aborted before takes no message',
    instead: ({ receive }) => ({ receive: (topic, options) => receive(topic, { ...options, signal: undefined }) }),
  }),
  broken({
    name: 'abort looked at too late',
    stage: 1,
    bug: 'A consumer gives up in the moment a message is handed to it: it gets an error, and the message is gone.',
    killedBy: 'a receive that is aborted at the moment a message arrives loses nothing',
    instead: ({ receive }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        if (options?.signal?.aborted) throw new MqError('MQ_ABORTED', 'aborted', { cause: options.signal.reason });
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'acknowledged for a consumer that went',
    stage: 2,
    bug: 'A message is finished when it is handed out, so a consumer that goes in this moment takes it to the grave.',
    killedBy: 'a consumer that goes away while a message is on its way to it loses nothing',
    instead: ({ receive, ack }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        await ack(deliveries);
        if (options?.signal?.aborted) throw new MqError('MQ_ABORTED', 'aborted', { cause: options.signal.reason });
        return deliveries;
      },
    }),
  }),
  broken({
    name: 'listeners left on the signal',
    stage: 1,
    bug: 'A consumer that runs for days slows down: each receive leaves a listener on its abort signal.',
    killedBy: 'a signal used by many calls does not collect listeners',
    instead: ({ receive }) => ({
      receive: (topic, options) => {
        options?.signal?.addEventListener('abort', () => undefined);
        return receive(topic, options);
      },
    }),
  }),
  broken({
    name: 'the first waiter takes all',
    stage: 2,
    bug: 'Three messages arrive together; one waiting consumer gets them all, and two others go on waiting.',
    killedBy: 'a batch of messages wakes as many waiting receives as it has messages',
    instead: ({ receive }) => ({
      receive: (topic, options) => receive(topic, { ...options, max: options?.waitMs ? 100 : options?.max }),
    }),
  }),
  broken({
    name: 'an abort looks like a quiet hour',
    stage: 1,
    bug: 'A consumer that was told to stop is answered empty, and asks again.',
    killedBy: 'a receive that is aborted rejects with MQ_ABORTED and takes no message',
    instead: ({ receive }) => ({
      receive: (...args) =>
        receive(...args).catch((error: unknown) => {
          if (isMqError(error, 'MQ_ABORTED')) return [];
          throw error;
        }),
    }),
  }),
  broken({
    name: 'an abort long after the answer',
    stage: 2,
    bug: 'A consumer that stops loses the messages it received before, although it is still working on them.',
    killedBy: 'an abort after the answer changes nothing',
    instead: ({ receive, nack }) => ({
      receive: async (topic, options) => {
        const deliveries = await receive(topic, options);
        options?.signal?.addEventListener('abort', () => {
          for (const delivery of deliveries) void nack(delivery, { outcome: 'return' });
        });
        return deliveries;
      },
    }),
  }),
];
