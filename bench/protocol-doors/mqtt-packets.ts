/** What the bench's own MQTT clients, and its relay, know of packets: enough to cut them apart and to count. */

/** First bytes of packets, with their flags. */
export const PACKET = {
  connect: 0x10,
  connack: 0x20,
  publishQos1: 0x32,
  puback: 0x40,
  subscribe: 0x82,
  suback: 0x90,
  disconnect: 0xe0,
} as const;

/** Where a packet is in a piece of bytes; `contentAt`: what is behind its first byte and its length. */
export interface PacketPlace {
  readonly contentAt: number;
  readonly end: number;
}

/** The packet that begins at `from`; undefined when it is not whole. */
export function packetAt(bytes: Buffer, from: number): PacketPlace | undefined {
  let [at, length, factor] = [from + 1, 0, 1];
  for (; ; at += 1, factor *= 128) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    length += (byte & 127) * factor;
    if (byte < 128) break;
  }
  const end = at + 1 + length;
  return end > bytes.length ? undefined : { contentAt: at + 1, end };
}

export function isPublish(head: number): boolean {
  return head >> 4 === PACKET.publishQos1 >> 4;
}

/** Of a PUBLISH with QoS 1: where its packet id is. */
export function packetIdAt(bytes: Buffer, contentAt: number): number {
  return contentAt + 2 + bytes.readUInt16BE(contentAt);
}
