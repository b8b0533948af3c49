/** Mutants that finish too early, too late or never what a transaction acknowledged, or forget it with a restart. */
import type { Broker } from '../../contract/broker.ts';
import { isMqError } from '../../contract/errors.ts';
import type { DeliveryRef } from '../../contract/message.ts';
import { broken, changedDeliveries, changedTransactions, type Mutant } from './mutant.ts';

/** Every so many aborts something goes wrong. */
const RARE = 5;

export const transactionAckMutants: readonly Mutant[] = [
  broken({
    name: 'acknowledged at once',
    stage: 5,
    bug: 'An ack in a transaction finishes its delivery at once, whatever becomes of the transaction.',
    killedBy: 'what a transaction acknowledged is finished when it commits, and not before',
    instead: ackedOutside,
  }),
  broken({
    name: 'the lease runs on',
    stage: 5,
    bug: 'What was acknowledged in a transaction is handed out again when its lease ends, and worked on twice.',
    killedBy: 'what a transaction acknowledged stays in flight until it ends, however short the lease was',
    instead: (sound) => ackedAtTheEnd(sound),
  }),
  broken({
    name: 'an abort is no failure',
    stage: 5,
    bug: 'What an aborted transaction had acknowledged comes again as if for the first time, for ever.',
    killedBy: 'an abort gives back what was acknowledged as failed: it comes again, counted once more',
    instead: (sound) => changedDeliveries(sound, (delivery) => ({ ...delivery, deliveryCount: 1 })),
  }),
  broken({
    name: 'a failure that does not count',
    stage: 5,
    bug: 'A message that fails by aborts only is tried for ever.',
    killedBy: 'a failure by an abort counts: a message that fails too often so becomes a dead letter',
    instead: ({ createGroup }) => ({
      createGroup: (topic, group, options) => createGroup(topic, group, { ...options, deliveriesMax: 0 }),
    }),
  }),
  broken({
    name: 'acknowledged when the time is up',
    stage: 5,
    bug: 'A transaction whose time is up is aborted, but what it acknowledged is finished.',
    killedBy: 'a transaction whose time is up gives back what it acknowledged',
    instead: ackedOutside,
  }),
  broken({
    name: 'half a session',
    stage: 5,
    bug: 'An abort undoes what a session sent, and not what it took.',
    killedBy: 'a session takes and gives in one: a commit makes both hold, an abort undoes both',
    instead: ackedOutside,
  }),
  broken({
    name: 'one bad lease spoils all acks',
    stage: 5,
    bug: 'Of acks of which one is over none applies, and work that was done comes again.',
    killedBy: 'of the acks of a transaction those apply whose lease runs, the others are listed',
    instead: (sound) =>
      changedTransactions(sound, ({ ack }) => ({
        ack: async (refs) => {
          for (const ref of refs.toReversed()) {
            // Nothing of a list is done once one of it was refused.
            if (ref.offset !== 2) await ack([ref]);
          }
        },
      })),
  }),
  broken({
    name: 'acknowledged by two',
    stage: 5,
    bug: 'Two transactions acknowledge one delivery, both are told that they did, and both produce from it.',
    killedBy: 'a delivery is acknowledged in one transaction only, and by nobody else while that is open',
    instead: (sound) =>
      changedTransactions(sound, ({ ack }) => ({
        ack: async (refs) => {
          await ack(refs).catch((error: unknown) => {
            if (!isMqError(error, 'MQ_LEASE_EXPIRED')) throw error;
          });
        },
      })),
  }),
  broken({
    name: 'positions at once',
    stage: 5,
    bug: 'A position set in a transaction holds at once, and after an abort its records are skipped.',
    killedBy: 'a position set in a transaction is that of its group when it commits, and never when it aborts',
    instead: positionsOutside,
  }),
  broken({
    name: 'any position will do',
    stage: 5,
    bug: 'A position beyond the end is accepted in a transaction, and what is sent next is skipped.',
    killedBy: 'a position in a transaction has to be one: of a log group, and within the log',
    instead: (sound) =>
      changedTransactions(sound, ({ commitOffset }) => ({
        commitOffset: async (...args) => {
          await commitOffset(...args).catch((error: unknown) => {
            if (!isMqError(error, 'MQ_OFFSET_OUT_OF_RANGE')) throw error;
          });
        },
      })),
  }),
  broken({
    name: 'one abort in five forgets an ack',
    stage: 5,
    bug: 'Now and then what an aborted transaction had acknowledged does not come again.',
    killedBy:
      'who consumes, transforms and produces in transactions has each input once in the output, whatever is aborted',
    instead: (sound) => {
      let abortCount = 0;
      return changedTransactions(sound, ({ ack, abort }) => {
        const acked: DeliveryRef[] = [];
        return {
          ack: async (refs) => {
            acked.push(...refs);
            await ack(refs);
          },
          abort: async () => {
            await abort();
            abortCount += 1;
            const [ref] = acked;
            if (abortCount % RARE !== 0 || ref === undefined) return;
            const { topic, group, offset } = ref;
            for (const again of await sound.receive(topic, { group, max: 10 })) {
              await (again.offset === offset ? sound.ack([again]) : sound.nack(again, { outcome: 'return' }));
            }
          },
        };
      });
    },
  }),
  broken({
    name: 'committed in memory',
    stage: 5,
    bug: 'A commit is answered before it is on the disk, and a crash makes it an abort.',
    killedBy: 'a restart keeps all of what was committed: messages in every topic, acks and positions',
    instead: (sound) => endedLater(sound, 'commit'),
  }),
  broken({
    name: 'what is open is committed by a crash',
    stage: 5,
    bug: 'At a start everything that lies in the log counts as committed.',
    killedBy: 'a restart aborts what was open: its messages are never seen, what it acknowledged comes again',
    instead: outsideAltogether,
  }),
  broken({
    name: 'closing commits',
    stage: 5,
    bug: 'A broker that is closed in order commits what is open, to leave nothing behind.',
    killedBy: 'closing a broker aborts what was open',
    instead: outsideAltogether,
  }),
  broken({
    name: 'aborted in memory',
    stage: 5,
    bug: 'Aborts are forgotten by a restart, and what was aborted is seen.',
    killedBy: 'what was aborted stays so after a restart, and holds no reader up',
    instead: ({ fetch }, _, { isRestarted }) => ({
      fetch: (topic, options) => fetch(topic, isRestarted ? { ...options, isolation: 'read-uncommitted' } : options),
    }),
  }),
  broken({
    name: 'topic after topic',
    stage: 5,
    bug: 'A commit is carried out in one topic after the other, and a stop in between leaves it half done.',
    killedBy: 'a commit that was under way when the broker stopped took effect in every topic or in none, acks and all',
    instead: sentAtTheEnd,
  }),
  broken({
    name: 'record after record',
    stage: 5,
    bug: 'At a commit the records of a transaction are written one by one, and a stop leaves some of them.',
    killedBy:
      'a commit in one partition that was under way when the broker stopped took effect or did not, and stays so',
    instead: sentAtTheEnd,
  }),
  broken({
    name: 'transactions counted from the start',
    stage: 5,
    bug: 'After a restart transactions get ids again that others had, and who asks for its own finds another.',
    killedBy:
      'after a restart a transaction is told how it ended, or is not known any more, and cannot be ended otherwise',
    instead: ({ begin }, _, { notes }) => ({
      begin: async (options) => {
        const transaction = await begin(options);
        const [first] = notes;
        notes.add(transaction.id);
        const { send, commit, abort } = transaction;
        if (notes.size < 3 || first === undefined) return transaction;
        return {
          ...transaction,
          id: first,
          send: send.bind(transaction),
          commit: commit.bind(transaction),
          abort: abort.bind(transaction),
        };
      },
    }),
  }),
  broken({
    name: 'what was left is committed by its name',
    stage: 5,
    bug: 'After a restart an owner that begins under its name goes on with what it had left open.',
    killedBy: 'a name of transactions is kept by a restart: its owner goes on, and the one before stays fenced off',
    instead: (sound, _, { isRestarted, notes }) => ({
      ...changedTransactions(sound, ({ send }) => ({
        send: async (topic, message, options) => {
          if (!isRestarted) notes.add(String(message.body));
          else for (const body of notes) await send(topic, { body });
          return send(topic, message, options);
        },
      })),
    }),
  }),
];

/** Acks of transactions take effect at once. */
function ackedOutside(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, () => ({ ack: (refs) => sound.ack(refs) }));
}

function positionsOutside(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, () => ({
    commitOffset: async (topic, options) => {
      await sound.commit(topic, options);
    },
  }));
}

/** Sends, acks and positions all take effect at once. */
function outsideAltogether(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, () => ({
    send: (topic, message, options) => sound.send(topic, message, options),
    ack: (refs) => sound.ack(refs),
    commitOffset: async (topic, options) => {
      await sound.commit(topic, options);
    },
  }));
}

/** Acks of a transaction are remembered, and made at its commit; what is over by then is not noticed. */
function ackedAtTheEnd(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, ({ commit }) => {
    const acked: DeliveryRef[] = [];
    return {
      ack: async (refs) => {
        acked.push(...refs);
      },
      commit: async () => {
        await commit();
        if (acked.length > 0) await sound.ack(acked).catch(() => undefined);
      },
    };
  });
}

/** What is sent and acknowledged is done at the commit, one after the other. */
function sentAtTheEnd(sound: Broker): Partial<Broker> {
  return changedTransactions(sound, ({ abort }) => {
    const held: (() => Promise<unknown>)[] = [];
    return {
      send: async (topic, message) => {
        held.push(() => sound.send(topic, message));
        return { topic, partition: 0, offset: 0, id: 'held', durability: 'memory' };
      },
      ack: async (refs) => {
        held.push(() => sound.ack(refs));
      },
      commit: async () => {
        await abort();
        for (const act of held) await act();
      },
    };
  });
}

/** The end is answered, and never comes. */
function endedLater(sound: Broker, how: 'commit' | 'abort'): Partial<Broker> {
  return changedTransactions(sound, () => ({ [how]: async () => undefined }));
}
