/**
 * Tells WebSockets from sockets on one port, and lets in those that may come.
 *
 *     first bytes "GET " --> the head of a request --> ours? --> WebSocket
 *     anything else      --> the protocol itself        \--> 403, 404, 426
 *
 * Always true: a page of another site is refused, also when it reached us by a name that was bound to this machine (its Origin
 * names a host that is not ours); nothing is decided by more than the head of one request, of at most 16 KiB. Whoever calls it
 * bounds the time. Only the DoorServer uses it.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { hostCheck } from '../../3-http-server/guard.ts';

/** What every request to open a WebSocket begins with, and no frame of a protocol does. */
const HTTP_BEGINS = Buffer.from('GET ');

/** Of a door that is to be had over WebSocket too. */
export interface WebSocketOptions {
  /** Where the server listens, and the other names under which it is called. */
  readonly host: string;
  readonly allowedHosts: readonly string[];
  /** Origins of pages that may connect, besides those of our own hosts: `https://shop.example`, or `null` of a file. */
  readonly allowedOrigins: readonly string[];
  /** The only one there is; undefined: any. */
  readonly path: string | undefined;
  /** Subprotocols by name, the best one first. A client that asks for none gets none. */
  readonly protocols: readonly string[];
  readonly messageBytesMax: number;
}

/** Calls `onKnown` once, when it is clear what the peer speaks; nothing of what it said is lost. */
export function recognise(socket: Socket, onKnown: (isHttp: boolean) => void): void {
  let head = Buffer.alloc(0);
  const look = (piece: Buffer): void => {
    head = Buffer.concat([head, piece]);
    const compared = Math.min(head.length, HTTP_BEGINS.length);
    const isHttp = HTTP_BEGINS.compare(head, 0, compared, 0, compared) === 0;
    if (isHttp && compared < HTTP_BEGINS.length) return;
    socket.off('data', look);
    socket.pause();
    socket.unshift(head);
    onKnown(isHttp);
  };
  socket.on('data', look);
}

/** What became of a socket that speaks HTTP. */
export interface GateEvents {
  readonly onOpen: (webSocket: WebSocket) => void;
  readonly onRefused: (why: string) => void;
}

export class WebSocketGate {
  readonly #options: WebSocketOptions;
  readonly #isOurHost: (field: string) => boolean;
  readonly #webSockets: WebSocketServer;
  /** Never listens: it is handed sockets. */
  readonly #http: Server;
  readonly #events = new WeakMap<Duplex, GateEvents>();

  constructor(options: WebSocketOptions) {
    this.#options = options;
    this.#isOurHost = hostCheck(options);
    const { protocols, messageBytesMax } = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      maxPayload: messageBytesMax,
      handleProtocols: (asked) => protocols.find((name) => asked.has(name)) ?? false,
    });
    this.#http = createServer();
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    this.#http.on('request', (request, answer) => {
      this.#events.get(request.socket)?.onRefused('a request that opens no WebSocket');
      answer.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
      answer.end(`this port speaks ${protocols[0] ?? 'a protocol of messages'}, alone or over WebSocket\n`);
    });
    this.#http.on('clientError', (_error, socket) => {
      this.#events.get(socket)?.onRefused('what came is no HTTP');
      socket.destroy();
    });
  }

  /** Takes a socket whose first bytes are those of HTTP. */
  take(socket: Socket, events: GateEvents): void {
    this.#events.set(socket, events);
    this.#http.emit('connection', socket);
    process.nextTick(() => socket.resume());
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const events = this.#events.get(socket);
    const refusal = this.#refusalOf(request);
    if (refusal !== undefined) {
      events?.onRefused(refusal.why);
      socket.end(`HTTP/1.1 ${refusal.status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => events?.onOpen(webSocket));
  }

  #refusalOf({ headers, url = '' }: IncomingMessage): { readonly status: string; readonly why: string } | undefined {
    const { path, allowedOrigins } = this.#options;
    const { host = '', origin } = headers;
    if (!this.#isOurHost(host)) return { status: '403 Forbidden', why: 'it is called with the Host of somebody else' };
    if (origin !== undefined && !allowedOrigins.includes(origin) && !this.#isOurPage(origin)) {
      return { status: '403 Forbidden', why: 'a page of another site asks; allowedOrigins can add it' };
    }
    if (path !== undefined && url.split('?')[0] !== path)
      return { status: '404 Not Found', why: `there is only ${path}` };
    return undefined;
  }

  #isOurPage(origin: string): boolean {
    return URL.canParse(origin) && this.#isOurHost(new URL(origin).host);
  }
}
