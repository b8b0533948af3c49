/**
 * All sessions of the door, by client id: who comes again finds its own, who is away for too long finds nothing.
 *
 * Always true: what happens to one client id happens one after the other, so that there is one session and one connection of
 * it; a will is published once: when its delay is over or its session is, whichever comes first, and not at all when the client
 * said goodbye or came again before. The MQTT server has one.
 */
import type { Clock, Timer } from '../../../../shared/clock.ts';
import type { Broker } from '../../../../shared/contract/broker.ts';
import { isMqError } from '../../../../shared/contract/errors.ts';
import type { Exchange } from '../exchange.ts';
import { ignoringGone } from '../gone.ts';
import { ClientSession, groupOf, type Holder, type StoredSession, willDueAt } from './client-session.ts';
import { checkClientId } from './greeting.ts';
import { type StoredIncoming, splitKey } from './in-flight.ts';
import { messageOf } from './messages.ts';
import type { Will } from './packets.ts';
import type { Publishing } from './publishing.ts';
import { coversTopic } from './reading.ts';
import { REASON, Violation } from './reasons.ts';
import { isOwn } from './subscriptions.ts';
import { destinationOfName, type TopicFilter } from './topics.ts';

export interface SessionsOptions {
  /** All of it. */
  readonly broker: Broker;
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly publishing: Publishing;
  readonly sessionsCountMax: number;
  readonly onDefect: (error: unknown) => void;
}

/** Who wants a session, and how. */
export interface Claim {
  readonly clientId: string;
  readonly owner: string;
  /** What was there is forgotten. */
  readonly isClean: boolean;
  readonly expirySeconds: number;
  readonly will: Will | undefined;
  readonly holder: Holder;
}

export class Sessions {
  readonly #options: SessionsOptions;
  readonly #byId = new Map<string, ClientSession>();
  /** The last thing that happens to a client id. */
  readonly #turns = new Map<string, Promise<unknown>>();
  #isClosed = false;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#byId.size;
  }

  /** Those from before the last restart: they are away since now. */
  async restore(): Promise<void> {
    const { publishing, clock } = this.#options;
    const { store } = publishing;
    for (const [clientId, stored] of store.all('session')) {
      const session = ClientSession.from(clientId, stored as StoredSession, store);
      this.#byId.set(clientId, session);
      if (session.endsAt === null) session.endsAt = session.endAfter(clock.now());
      if (session.will !== undefined) session.willAt ??= willDueAt(session.will, clock.now());
    }
    for (const [key, stored] of store.all('inbound')) {
      const { clientId, packetId } = splitKey(key);
      this.#byId.get(clientId)?.inFlight.restoreIncoming(packetId, stored as StoredIncoming);
    }
    for (const [key, stored] of store.all('outbound')) {
      const { clientId, packetId } = splitKey(key);
      this.#byId.get(clientId)?.inFlight.restoreOutgoing(packetId, stored as never);
    }
    for (const session of [...this.#byId.values()]) await this.#away(session);
  }

  /** `Violation` when it is another's, or there is no room. */
  claim(claim: Claim): Promise<{ readonly session: ClientSession; readonly isPresent: boolean }> {
    return this.#inTurn(claim.clientId, async () => {
      checkClientId(claim);
      const { sessionsCountMax, publishing } = this.#options;
      const old = this.#byId.get(claim.clientId);
      if (old !== undefined && old.owner !== claim.owner) {
        throw new Violation(REASON.notAuthorized, 'the session of this client id is somebody else’s');
      }
      await old?.holder?.takenOver();
      await old?.leaving;
      const present = await this.#present(claim);
      if (present === undefined && this.#byId.size >= sessionsCountMax) {
        throw new Violation(REASON.quotaExceeded, `there are at most ${sessionsCountMax} sessions`);
      }
      const session = present ?? (await this.#make(claim));
      session.expirySeconds = claim.expirySeconds;
      session.holder = claim.holder;
      session.will = claim.will;
      session.save();
      await publishing.store.commit();
      return { session, isPresent: present !== undefined };
    });
  }

  /**
   * The connection is over, and nothing is read for it any more. `keepsWill` false: it said goodbye. `read`: closes what the
   * connection read, when new topics are covered without it.
   */
  leave(
    session: ClientSession,
    {
      holder,
      keepsWill,
      close,
    }: { readonly holder: Holder; readonly keepsWill: boolean; readonly close: () => Promise<void> },
  ): Promise<void> {
    if (session.holder !== holder) return close();
    session.holder = undefined;
    const { clock } = this.#options;
    if (!keepsWill) session.will = undefined;
    const { will } = session;
    session.willAt = will === undefined ? null : willDueAt(will, clock.now());
    session.endsAt = session.endAfter(clock.now());
    const leaving = this.#goAway(session, close).finally(() => {
      if (session.leaving === leaving) session.leaving = undefined;
    });
    session.leaving = leaving;
    return leaving;
  }

  async #goAway(session: ClientSession, close: () => Promise<void>): Promise<void> {
    session.inFlight.disconnected();
    const staysAway = session.isDurable && session.expirySeconds > 0;
    if (staysAway) await this.#watch(session);
    await close();
    if (staysAway) await this.#away(session);
    else await this.#end(session);
    session.save();
    await this.#options.publishing.store.commit();
  }

  /** The server stops; sessions stay as they are. Wills that are due by now are published. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#turns.values());
    for (const session of this.#byId.values()) {
      session.expiryTimer?.cancel();
      session.willTimer?.cancel();
      session.stopWatching();
    }
  }

  async #present({ clientId, isClean }: Claim): Promise<ClientSession | undefined> {
    const session = this.#byId.get(clientId);
    if (session === undefined) return undefined;
    session.expiryTimer?.cancel();
    session.willTimer?.cancel();
    session.willAt = null;
    session.endsAt = null;
    if (!isClean && session.isDurable) {
      session.will = undefined;
      return session;
    }
    await this.#end(session);
    return undefined;
  }

  async #make({ clientId, owner, expirySeconds }: Claim): Promise<ClientSession> {
    const { exchange, broker, publishing } = this.#options;
    const { store } = publishing;
    const session = new ClientSession({ clientId, owner, isDurable: expirySeconds > 0, store });
    // A door that forgot its sessions left their groups behind: a session that begins has nothing in it.
    if (session.isDurable) await ignoringGone(exchange.forget(broker, groupOf(session)));
    this.#byId.set(clientId, session);
    return session;
  }

  /** A group that was shared by its members is gone when the last of them has left it for good. */
  async giveUpShared({ text, sharedGroup }: TopicFilter): Promise<void> {
    const { exchange, broker } = this.#options;
    if (sharedGroup === undefined) return;
    for (const { subscriptions } of this.#byId.values()) if (subscriptions.get(text) !== undefined) return;
    await ignoringGone(exchange.forget(broker, sharedGroup));
  }

  /** New topics are covered for it from now on. */
  async #watch(session: ClientSession): Promise<void> {
    const { subscriptions, group } = session;
    const all = [...subscriptions].map(({ filter }) => filter);
    if (group !== undefined && all.some(isOwn)) {
      await this.#watchFor(session, group, { matches: (name) => subscriptions.covers(name) });
    }
    for (const filter of all) {
      if (filter.sharedGroup !== undefined) await this.#watchFor(session, filter.sharedGroup, filter);
    }
  }

  async #watchFor(session: ClientSession, group: string, filter: Pick<TopicFilter, 'matches'>): Promise<void> {
    const { exchange, broker, onDefect } = this.#options;
    try {
      const covers = (topic: string): boolean => coversTopic(filter, topic);
      session.watches.push(await exchange.watchFor(broker, { group, covers }));
    } catch (error) {
      if (!isMqError(error)) onDefect(error);
    }
  }

  async #away(session: ClientSession): Promise<void> {
    const { clock } = this.#options;
    if (session.watches.length === 0) await this.#watch(session);
    const { willAt, endsAt } = session;
    const timer = (atMs: number, act: () => Promise<void>): Timer => {
      const onTime = (): void => void this.#inTurn(session.clientId, act).catch(this.#options.onDefect);
      return clock.setTimer(onTime, Math.max(atMs - clock.now(), 0), { isBackground: true });
    };
    const isStillAway = (): boolean => session.holder === undefined && this.#byId.get(session.clientId) === session;
    if (endsAt !== null) {
      session.expiryTimer = timer(endsAt, async () => {
        if (isStillAway()) await this.#end(session);
      });
    }
    if (willAt === null) return;
    if (willAt <= clock.now()) await this.#publishWill(session);
    else {
      session.willTimer = timer(willAt, async () => {
        if (isStillAway()) await this.#publishWill(session);
      });
    }
  }

  async #end(session: ClientSession): Promise<void> {
    const { exchange, broker, publishing } = this.#options;
    this.#byId.delete(session.clientId);
    await this.#publishWill(session);
    session.forget();
    if (session.isDurable) await ignoringGone(exchange.forget(broker, groupOf(session)));
    for (const { filter } of session.subscriptions) await this.giveUpShared(filter);
    await publishing.store.commit();
  }

  /** That the client may publish it was asked when it said it. */
  async #publishWill(session: ClientSession): Promise<void> {
    const { exchange, broker, clock, publishing } = this.#options;
    const { will, clientId } = session;
    session.willTimer?.cancel();
    session.will = undefined;
    session.willAt = null;
    session.save();
    if (will === undefined) return;
    try {
      const publisher = publishing.wantsPublishers ? clientId : undefined;
      const message = messageOf(will, { broker, now: clock.now(), publisher, id: undefined });
      const destination = destinationOfName(will.topic);
      await exchange.publish(broker, destination, message, { timeoutMs: 0 });
      const { topic, payload, qos, properties } = will;
      const name = topic.normalize('NFC');
      if (will.retain && destination.kind === 'topic') {
        publishing.retained.set({ name, payload, qos, properties, publisher: clientId });
      }
    } catch (error) {
      publishing.noteFailure(error);
    }
  }

  #inTurn<T>(clientId: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(clientId) ?? Promise.resolve();
    const turn = before.then(() => {
      if (this.#isClosed) throw new Violation(REASON.serverShuttingDown, 'the server is closing');
      return act();
    });
    const settled = turn.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(clientId, settled);
    void settled.then(() => {
      if (this.#turns.get(clientId) === settled) this.#turns.delete(clientId);
    });
    return turn;
  }
}
