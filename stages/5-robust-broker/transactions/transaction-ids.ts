/**
 * The ids of transactions, as callers have them: a name, and what only this broker can say of it.
 *
 *     7-3-9f2c41d0a86be517        producer 7, epoch 3, and the first bytes of HMAC-SHA256(secret, "7-3")
 *
 * Always true: an id says which transaction it is in all lives of the broker, since the secret is kept beside the decisions;
 * nobody who was not given one can make one up.
 */
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { isMqError } from '../../../shared/contract/errors.ts';
import { readSealed, writeSealed } from '../../4-persisted-log/log/whole-file.ts';
import type { TopicSettings } from '../../4-persisted-log/topic-settings.ts';
import { nameOf, type TransactionEpoch } from './marker.ts';

const SECRET_FILE = 'secret.json';
const SECRET_BYTES = 16;
const PROOF_CHARACTERS = 16;
const ID = /^((?:0|[1-9]\d{0,15})-(?:0|[1-9]\d{0,4}))-([0-9a-f]{16})$/;

export class TransactionIds {
  readonly #secret: string;

  constructor(secret: string) {
    this.#secret = secret;
  }

  idOf(transaction: TransactionEpoch): string {
    const name = nameOf(transaction);
    return `${name}-${this.#proofOf(name)}`;
  }

  /** Undefined when no transaction has this id. */
  transactionOf(id: string): TransactionEpoch | undefined {
    const [, name = '', proof] = ID.exec(id) ?? [];
    if (proof === undefined || proof !== this.#proofOf(name)) return undefined;
    const [producerId, epoch] = name.split('-');
    return { producerId: Number(producerId), epoch: Number(epoch) };
  }

  #proofOf(name: string): string {
    return createHmac('sha256', this.#secret).update(name).digest('hex').slice(0, PROOF_CHARACTERS);
  }
}

/** With the secret in the folder; one that is damaged is made anew, and then ids of before are nobody's. */
export async function openTransactionIds({ disk, random }: TopicSettings, folder: string): Promise<TransactionIds> {
  const path = join(folder, SECRET_FILE);
  const kept = await readSealed(disk, path).catch((error: unknown) => {
    if (isMqError(error, 'MQ_CORRUPT')) return undefined;
    throw error;
  });
  if (typeof kept === 'object' && kept !== null && 'secret' in kept) return new TransactionIds(String(kept.secret));
  const secret = random.hex(SECRET_BYTES);
  await writeSealed(disk, path, { secret });
  return new TransactionIds(secret);
}
