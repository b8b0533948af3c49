/**
 * Histories as a sound broker with transactions could have answered them, made by chance: two topics, writers with
 * transactions, plain producers and readers of both kinds. Calls overlap, and some get no answer.
 *
 *     a client's call      starts ...... takes effect ...... ends        each step when chance picks the client
 *
 * Always true: the effects happen one after the other on a log that is right by construction. The same seed makes the same
 * history. For the tests of the checker.
 */
import { SeededRandom } from '../../random.ts';
import type { CallFacts } from '../history.ts';
import { Script } from './handmade-history.ts';

const TOPICS = ['a', 'b'];
const CALLS_OF_CLIENT = 14;

interface OpenTransaction {
  readonly id: string;
  state: 'open' | 'committed' | 'aborted';
}

/** A record, or (without a value) the marker of an end. */
interface Place {
  readonly value: string | null;
  readonly transaction: OpenTransaction | null;
}

type Steps = Generator<undefined, void, undefined>;
type Fetch = Extract<CallFacts, { readonly kind: 'fetch' }>;

export class GeneratedHistory {
  readonly script = new Script();
  readonly #random: SeededRandom;
  readonly #logs = new Map<string, Place[]>(TOPICS.map((topic) => [topic, []]));
  #valueCount = 0;
  #transactionCount = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    const clients = [
      ...['w0', 'w1', 'w2'].map((client) => this.#writer(client)),
      this.#producer('p'),
      ...['r0', 'r1'].map((client) => this.#reader(client)),
    ];
    while (clients.length > 0) {
      const index = this.#random.below(clients.length);
      if (clients[index]?.next().done === true) clients.splice(index, 1);
    }
  }

  /** Transactions one after the other, now and then one left open. */
  *#writer(client: string): Steps {
    for (let count = 0; count < CALLS_OF_CLIENT / 3; count += 1) {
      const transaction: OpenTransaction = { id: `T${this.#transactionCount}`, state: 'open' };
      this.#transactionCount += 1;
      const begun: CallFacts = { kind: 'begin', transaction: transaction.id };
      yield* this.#call(client, () => begun);
      const sendCount = this.#random.below(4);
      for (let sent = 0; sent < sendCount; sent += 1) {
        if (this.#random.below(3) === 0) yield* this.#fetch(client, false);
        yield* this.#send(client, transaction);
      }
      const fate = this.#random.below(6);
      if (fate === 0) continue;
      yield* this.#end(client, transaction, fate < 4 ? 'commit' : 'abort');
    }
  }

  *#producer(client: string): Steps {
    for (let count = 0; count < CALLS_OF_CLIENT; count += 1) yield* this.#send(client, null);
  }

  *#reader(client: string): Steps {
    for (let count = 0; count < CALLS_OF_CLIENT; count += 1) yield* this.#fetch(client, this.#random.below(4) === 0);
  }

  *#send(client: string, transaction: OpenTransaction | null): Steps {
    const topic = this.#topic();
    const value = `v${this.#valueCount}`;
    this.#valueCount += 1;
    const within = transaction === null ? {} : { transaction: transaction.id };
    const sent = { kind: 'send', topic, partition: 0, values: [value], ...within } as const;
    yield* this.#call(client, () => ({ ...sent, baseOffset: this.#log(topic).push({ value, transaction }) - 1 }));
  }

  /** Its markers stand in each topic it wrote to; nobody can look in between. */
  *#end(client: string, transaction: OpenTransaction, how: 'commit' | 'abort'): Steps {
    const facts: CallFacts = { kind: 'end', transaction: transaction.id, how };
    const effect = (): CallFacts => {
      transaction.state = how === 'commit' ? 'committed' : 'aborted';
      for (const topic of TOPICS) {
        const log = this.#log(topic);
        if (log.some((place) => place.transaction === transaction)) log.push({ value: null, transaction: null });
      }
      return facts;
    };
    // An answer that is lost says nothing; a request that is lost has done nothing.
    const loss = this.#random.below(8);
    if (loss > 1) yield* this.#call(client, effect, facts);
    else {
      const end = this.script.open(client, `${how} ${transaction.id}`, facts);
      yield;
      if (loss === 0) effect();
      yield;
      end('unknown');
    }
  }

  *#fetch(client: string, isUncommitted: boolean): Steps {
    const topic = this.#topic();
    const from = this.#random.below(1 + this.#log(topic).length);
    const max = 1 + this.#random.below(6);
    yield* this.#call(client, () => this.#read(topic, { from, max, isUncommitted }));
  }

  #read(topic: string, want: { readonly from: number; readonly max: number; readonly isUncommitted: boolean }): Fetch {
    const log = this.#log(topic);
    const stable = log.findIndex(({ transaction }) => transaction?.state === 'open');
    const lastStableOffset = stable === -1 ? log.length : stable;
    const records = [];
    let nextOffset = want.from;
    const end = want.isUncommitted ? log.length : lastStableOffset;
    for (; nextOffset < end && records.length < want.max; nextOffset += 1) {
      const { value = null, transaction = null } = log[nextOffset] ?? {};
      const isHidden = value === null || (!want.isUncommitted && transaction?.state === 'aborted');
      if (!isHidden) records.push({ partition: 0, offset: nextOffset, value });
    }
    const told = want.isUncommitted ? { isUncommitted: true } : {};
    const asked = { kind: 'fetch', topic, partition: 0, offset: want.from, logStartOffset: 0 } as const;
    return { ...asked, records, nextOffset, lastStableOffset, ...told };
  }

  /** Starts, takes effect and ends, with whatever others do in between. */
  *#call(client: string, effect: () => CallFacts, asked: CallFacts = { kind: 'other', topic: undefined }): Steps {
    const end = this.script.history.start({ client, text: asked.kind, facts: asked });
    yield;
    const facts = effect();
    yield;
    end({ outcome: 'ok', answer: 'ok', facts });
    yield;
  }

  #topic(): string {
    return TOPICS[this.#random.below(TOPICS.length)] ?? 'a';
  }

  #log(topic: string): Place[] {
    const log = this.#logs.get(topic);
    if (log === undefined) throw new RangeError(`no topic ${topic}`);
    return log;
  }
}
