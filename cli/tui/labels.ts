/**
 * What the messages of the screen carry for those who choose: a tag, and an amount that is a number to a selector.
 *
 *     p1-7   tag: cash   amount: 70        body "cash 70 p1-7"
 */
import type { Broker } from '../../shared/contract/broker.ts';
import { type Filter, TAG_HEADER, TYPES_HEADER } from '../../shared/contract/filter.ts';
import type { Message } from '../../shared/contract/message.ts';

const TAGS = ['card', 'cash'] as const;
/** Amounts go round: 10, 40, 70, 100, 30, 60, 90, 20, 50, 80. */
const [AMOUNT_STEP, AMOUNT_COUNT] = [3, 10];

/** What the key of filters steps through; undefined: everything. */
export const FILTERS: readonly (Filter | undefined)[] = [
  undefined,
  { tags: ['card'] },
  { selector: "tag = 'card' AND amount > 50" },
];

/** Nothing where nobody can choose. */
export function labelsOf(
  { capabilities }: Broker,
  { id, number }: { readonly id: string; readonly number: number },
): Pick<Message, 'headers'> & { readonly body: string } {
  if (!capabilities.has('filters')) return { body: id };
  const tag = TAGS[number % TAGS.length] ?? TAGS[0];
  const amount = (((number * AMOUNT_STEP) % AMOUNT_COUNT) + 1) * 10;
  const headers = { [TAG_HEADER]: tag, amount: String(amount), [TYPES_HEADER]: 'amount=int' };
  return { headers, body: `${tag} ${amount} ${id}` };
}

/** As the screen writes it. */
export function filterText(filter: Filter | undefined): string {
  return filter?.selector ?? filter?.tags?.join() ?? '';
}
