/** The whole state of one group as plain JSON. Types only; times are epoch ms. */
import type { GroupOptions } from '../../shared/contract/description.ts';

export interface GroupSnapshot {
  readonly group: number;
  readonly name: string;
  readonly options: Required<GroupOptions>;
}
