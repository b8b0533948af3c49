/**
 * The JMS-style API: what `stagemq/jms` exports.
 *
 *     await using factory = createConnectionFactory('mq://127.0.0.1:6768');   // or stage:5, stage:5?data=./data, http://...
 *     const connection = await factory.createConnection();
 *     await connection.start();
 *     const session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
 *     const queue = session.createQueue('queue-test');
 *     await session.createProducer(queue).send(session.createTextMessage('tea'));
 *     const message = await (await session.createConsumer(queue)).receive(1000);
 *
 * Names and meaning are those of JMS 1.1, with promises where Java blocks; docs/jms.md says what is there and what differs.
 */
import { type Clock, checkClock } from '../../../shared/clock.ts';
import type { Broker } from '../../../shared/contract/broker.ts';
import { MqError } from '../../../shared/contract/errors.ts';
import { checkBroker, checkInteger, checkOptions, invalidArgument } from '../../../shared/contract/validation.ts';
import { checkRandom, type Random } from '../../../shared/random.ts';
import type { ClientTlsOptions } from '../../3-http-server/tls.ts';
import type { TcpClientOptions } from '../../4-persisted-log/doors/tcp/create-client.ts';
import { ConnectionFactory, type Credentials, type Place } from './connection-factory.ts';
import { jmsExceptionOf } from './errors.ts';
import { type ParsedUrl, parseUrl } from './factory-url.ts';
import { namesOfBroker, namesOfServer } from './names-in-use.ts';

export { QueueBrowser } from './browser.ts';
export { BytesMessage } from './bytes-message.ts';
export { Connection, type ConnectionMetaData, type ExceptionListener } from './connection.ts';
export { ConnectionFactory } from './connection-factory.ts';
export { MessageConsumer, type MessageListener } from './consumer.ts';
export { type Destination, Queue, TemporaryQueue, TemporaryTopic, Topic } from './destinations.ts';
export {
  IllegalStateException,
  InvalidClientIDException,
  InvalidDestinationException,
  InvalidSelectorException,
  JMSException,
  JMSSecurityException,
  MessageEOFException,
  MessageFormatException,
  MessageNotReadableException,
  MessageNotWriteableException,
  ResourceAllocationException,
  TransactionRolledBackException,
  UnsupportedOperationException,
} from './errors.ts';
export { MapMessage } from './map-message.ts';
export { DeliveryMode, Message } from './message.ts';
export { MessageProducer, type SendOptions } from './producer.ts';
export { Session } from './session.ts';
export { StreamMessage } from './stream-message.ts';
export { ObjectMessage, TextMessage } from './text-message.ts';

/** Of `createConnectionFactory`. */
export interface ConnectionFactoryOptions extends Credentials {
  /** Where the server asks for one, and no user. */
  readonly token?: string;
  /** Of an `https:` or `mqs:` address: whom to trust, and which certificate to show. */
  readonly tls?: ClientTlsOptions;
  /** Of every connection, of which there can be one at a time then. */
  readonly clientId?: string;
  /** Messages that a consumer is handed before the program asks for them, 1 to 1024. Default 32. */
  readonly prefetch?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

const NAME_LENGTH_MAX = 80;
const PREFETCH = { min: 1, max: 1024, fallback: 32 };
const OPTIONS = ['user', 'password', 'token', 'tls', 'clientId', 'prefetch', 'clock', 'random'];

/**
 * Connections to where `url` says, or to a Broker that stays yours:
 *
 *     stage:1 ... stage:5      a broker of that stage in this process, closed with the factory; `?data=FOLDER` from stage 4 on
 *     http://host:port         a server, over HTTP
 *     mq://host:port           a server, over TCP
 *
 * `user:password@` or `token@` before a host is what the options say otherwise. Throws a `JMSException` for what is no url.
 */
export function createConnectionFactory(
  url: string | Broker,
  options: ConnectionFactoryOptions = {},
): ConnectionFactory {
  try {
    checkOptions('options', options, OPTIONS);
    const clock = checkClock('options.clock', options.clock);
    const random = checkRandom('options.random', options.random);
    const prefetchCount = checkInteger('options.prefetch', options.prefetch, PREFETCH);
    const place = typeof url === 'string' ? placeOf(parseUrl(url), { ...options, clock, random }) : givenPlace(url);
    return new ConnectionFactory(place, { clientId: options.clientId ?? null, prefetchCount, clock, random });
  } catch (error) {
    throw jmsExceptionOf(error);
  }
}

function givenPlace(given: Broker): Place {
  const broker = checkBroker('url', given);
  return {
    isShared: true,
    isOwn: false,
    namesInUse: namesOfBroker,
    userOf: nobody,
    open: () => Promise.resolve(broker),
  };
}

function placeOf(parsed: ParsedUrl, options: ConnectionFactoryOptions & { clock: Clock; random: Random }): Place {
  const { clock, random, token, user, password, tls } = options;
  if (parsed.kind === 'stage') {
    if (token !== undefined || user !== undefined) throw invalidArgument('url', 'one of a server, to say who you are');
    return {
      isShared: true,
      isOwn: true,
      namesInUse: namesOfBroker,
      userOf: nobody,
      open: () => openStage(parsed, { clock, random }),
    };
  }
  const said = token !== undefined || user !== undefined ? { token, user, password } : parsed.credentials;
  const whoIs = (credentials: Credentials) => (credentials.user === undefined ? said : credentials);
  const open: Place['open'] = async (credentials, onLink) => {
    const who = whoIs(credentials);
    const client = { ...withoutUndefined(who), ...(tls && { tls }), clock, random };
    if (parsed.kind === 'tcp') {
      const { createTcpClient } = await import('../../4-persisted-log/doors/tcp/create-client.ts');
      let wasLost = false;
      const onState: TcpClientOptions['onState'] = (state, error) => {
        const isLost = state === 'reconnecting';
        const lost = (): Error => error ?? new MqError('MQ_CONNECTION_LOST', 'the connection to the server was lost');
        if (isLost !== wasLost) onLink(isLost ? lost() : null);
        wasLost = isLost;
      };
      return await createTcpClient(parsed.url, { ...client, ...nameOf(options), onState });
    }
    const { createClient } = await import('../../3-http-server/create-client.ts');
    return await createClient(parsed.url, client);
  };
  return {
    isShared: false,
    isOwn: true,
    namesInUse: () => namesOfServer(parsed.url),
    userOf: (credentials) => whoIs(credentials).user,
    open,
  };
}

/** A broker in this process asks nobody who it is. */
function nobody(): undefined {
  return undefined;
}

/** What it is called where connections are listed, as far as it fits. */
function nameOf({ clientId }: ConnectionFactoryOptions): Pick<TcpClientOptions, 'name'> {
  return clientId === undefined || clientId === '' ? {} : { name: clientId.slice(0, NAME_LENGTH_MAX).toWellFormed() };
}

async function openStage(
  { stage, dataFolder }: Extract<ParsedUrl, { kind: 'stage' }>,
  options: { readonly clock: Clock; readonly random: Random },
): Promise<Broker> {
  const onDisk = { ...options, ...(dataFolder !== undefined && { dataFolder }) };
  switch (stage) {
    case 1:
      return (await import('../../1-blocking-queue/index.ts')).createBroker(options);
    case 2:
      return (await import('../../2-ring-buffer/index.ts')).createBroker(options);
    case 3:
      return (await import('../../3-http-server/index.ts')).createBroker(options);
    case 4:
      return (await import('../../4-persisted-log/index.ts')).createBroker(onDisk);
    default:
      return (await import('../index.ts')).createBroker(onDisk);
  }
}

function withoutUndefined<T extends object>(object: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}
