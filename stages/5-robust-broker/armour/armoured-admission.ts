/**
 * The Admission of stage 5: who somebody is, what they may do, and how much of it.
 *
 *     credentials --Authenticator--> name --> the client's view: permissions, then quotas, then the broker
 *
 * Always true (I22): all that comes in under one name shares one allowance, through whichever door; callers without a name
 * are told apart by their address. What new users may do counts at once, also for connections that are open. Doors ask it.
 */
import type { Admission, CameFrom, Credentials } from '../../../shared/admission.ts';
import { type Clock, SystemClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import type { ConnectionDescription } from '../../../shared/contract/connections.ts';
import { Authenticator } from './authenticator.ts';
import { Belongings } from './belongings.ts';
import { networkOf } from './failed-attempts.ts';
import { limitedBroker } from './limited-broker.ts';
import type { Derive } from './passwords.ts';
import { permittedBroker } from './permitted-broker.ts';
import { Principal } from './principal.ts';
import { ClientAllowance, type ClientQuota, TopicAllowances } from './quotas.ts';
import { ANONYMOUS, type Rights, type Users } from './users.ts';

export interface ArmouredAdmissionOptions {
  readonly broker: Broker;
  readonly users: Users;
  /** Of clients whose own quota does not say otherwise. Default: no limits. */
  readonly quota?: ClientQuota;
  readonly clock?: Clock;
  /** Default: scrypt. */
  readonly derive?: Derive;
}

/** One name, or one address without a name. */
interface Client {
  readonly allowance: ClientAllowance;
  readonly view: Broker;
  readonly principal: Principal;
  /** What its allowance was made from. */
  readonly quotaText: string;
}

/** Clients that are remembered when nothing of them is connected. */
const CLIENTS_COUNT_MAX = 20_000;

export class ArmouredAdmission implements Admission {
  readonly #broker: Broker;
  readonly #clock: Clock;
  readonly #authenticator: Authenticator;
  readonly #belongings: Belongings;
  readonly #quota: ClientQuota;
  /** The one admitted last at the end. */
  readonly #clients = new Map<string, Client>();
  readonly #connections = new Map<Broker, { readonly principal: Principal; readonly connection: Disposable }>();
  #users: Users;
  #topics: TopicAllowances;

  constructor({ broker, users, quota = {}, clock = new SystemClock(), derive }: ArmouredAdmissionOptions) {
    this.#broker = broker;
    this.#quota = quota;
    this.#clock = clock;
    this.#users = users;
    this.#authenticator = new Authenticator({ users, clock, derive });
    this.#belongings = new Belongings(broker.limits);
    this.#topics = this.#topicAllowances();
  }

  /** Connections and requests that are in now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  async admit(credentials: Credentials, from: CameFrom): Promise<Broker> {
    const name = await this.#authenticator.nameOf(credentials, from);
    const { allowance, view, principal } = this.#clientOf(name, from);
    const connection = allowance.connect();
    // One for each, told apart by `leave`.
    const admitted = Object.create(view) as Broker;
    this.#connections.set(admitted, { principal, connection });
    return admitted;
  }

  nameOf(admitted: Broker): string | undefined {
    const name = this.#connections.get(admitted)?.principal.name;
    return name === ANONYMOUS ? undefined : name;
  }

  /** Its own connections; whoever may manage everything sees those of all. */
  sees(admitted: Broker, { principal: name }: ConnectionDescription): boolean {
    const principal = this.#connections.get(admitted)?.principal;
    return principal !== undefined && (principal.mayAll('manage', '') || principal.name === name);
  }

  leave(admitted: Broker): void {
    this.#connections.get(admitted)?.connection[Symbol.dispose]();
    this.#connections.delete(admitted);
  }

  /** Rights count at once, quotas for what comes in from now on. */
  replaceUsers(users: Users): void {
    const hasOtherTopics = JSON.stringify(users.topicQuotas) !== JSON.stringify(this.#users.topicQuotas);
    this.#users = users;
    this.#authenticator.replaceUsers(users);
    if (hasOtherTopics) this.#topics = this.#topicAllowances();
    for (const [key, { quotaText }] of this.#clients) {
      const quotaNow = JSON.stringify(this.#quotaOf(key.split(' ')[0] ?? ''));
      if (hasOtherTopics || quotaNow !== quotaText) this.#clients.delete(key);
    }
  }

  #rightsOf(name: string): Rights | undefined {
    return name === ANONYMOUS ? this.#users.anonymous : this.#users.users.get(name);
  }

  #quotaOf(name: string): ClientQuota {
    return { ...this.#quota, ...this.#rightsOf(name)?.quota };
  }

  #clientOf(name: string, from: CameFrom): Client {
    const key = name === ANONYMOUS ? `${name} ${networkOf(from.address)}` : name;
    const client = this.#clients.get(key) ?? this.#newClient(name, key);
    this.#clients.delete(key);
    this.#clients.set(key, client);
    if (this.#clients.size > CLIENTS_COUNT_MAX) this.#forgetOne();
    return client;
  }

  #newClient(name: string, key: string): Client {
    const quota = this.#quotaOf(name);
    const allowance = new ClientAllowance(key, quota, this.#clock);
    const limited = limitedBroker(this.#broker, { client: allowance, topics: this.#topics, clock: this.#clock });
    const accessNow = () => this.#rightsOf(name)?.access;
    const principal = new Principal({ name, accessNow, belongings: this.#belongings });
    return { allowance, principal, view: permittedBroker(limited, principal), quotaText: JSON.stringify(quota) };
  }

  /** The one that was admitted longest ago and is not connected. */
  #forgetOne(): void {
    for (const [key, { allowance }] of this.#clients) {
      if (allowance.connectionCount > 0) continue;
      this.#clients.delete(key);
      return;
    }
  }

  #topicAllowances(): TopicAllowances {
    const { topicsCountMax } = this.#broker.limits;
    return new TopicAllowances(this.#users.topicQuotas, { clock: this.#clock, topicsCountMax });
  }
}
