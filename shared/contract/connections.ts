/**
 * Who is connected to a served broker, as its doors tell it: what `GET /connections`, `mq connections` and the screen show.
 * Plain JSON.
 *
 * Always true: it says what was so when somebody asked; texts that came over a wire are as they came, but not longer than a
 * door allows; no credential is among them.
 */

/** One open connection. */
export interface ConnectionDescription {
  /** Of this server, as long as it runs: `stomp-17`. */
  readonly id: string;
  /** `http`, `tcp`, `stomp`, `mqtt`, `openwire`. */
  readonly door: string;
  /** Of the peer, with its port: `127.0.0.1:53412`, `[::1]:53412`. */
  readonly address: string;
  /** Epoch ms. */
  readonly connectedAt: number;
  /** What the client calls itself; null where its protocol has no such name, or it has not said it yet. */
  readonly clientId: string | null;
  /** What both sides speak, such as `1.2` of STOMP; null before they agreed. */
  readonly protocolVersion: string | null;
  /** The user it was let in as; null where nobody is asked. */
  readonly principal: string | null;
  /** Messages that came in; of those that were refused, too. */
  readonly messagesInCount: number;
  /** Messages that were handed out. */
  readonly messagesOutCount: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Requests of it that were answered with an error. */
  readonly errorCount: number;
  /** Of all; only the first ones are listed. */
  readonly subscriptionCount: number;
  readonly subscriptions: readonly SubscriptionDescription[];
}

/** One subscription of a connection. */
export interface SubscriptionDescription {
  /** As the client names it, or as its door does. */
  readonly id: string;
  /** In the words of the protocol: `/queue/orders`, `chat/+`, `topic://prices`. */
  readonly destination: string;
  /** Topic of the contract, or a pattern of them. */
  readonly topic: string;
  /** Group of the contract in which it reads. */
  readonly group: string;
  /** Deliveries it may hold; null: as many as come. */
  readonly creditMax: number | null;
  /** Deliveries it holds now: handed out, neither acked nor given back. */
  readonly heldCount: number;
}
