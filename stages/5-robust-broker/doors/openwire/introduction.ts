/** Who is who at the beginning of a connection. Pure. The session uses it. */
import type { Credentials } from '../../../../shared/admission.ts';
import type { ConnectionInfo, NumberedCommand } from './commands.ts';

/** What a client shows of itself. */
export function credentialsOf({ userName, password }: ConnectionInfo): Credentials {
  return { ...(userName !== null && { user: userName }), ...(password !== null && { password }) };
}

/** What a client is told of the server, once it is let in. */
export function brokerInfo(name: string): NumberedCommand {
  return {
    type: 'BrokerInfo',
    ...{ commandId: 0, responseRequired: false },
    brokerId: { type: 'BrokerId', value: 'StageMQ' },
    ...{ brokerUrl: null, peerBrokerInfos: null, brokerName: name, isSlave: false, isMaster: false },
    ...{ isFaultTolerant: false, isDuplex: false, isNetwork: false, connectionId: 0, brokerUploadUrl: null },
    networkProperties: null,
  };
}
