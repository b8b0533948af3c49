/** All mutants, by subject. A new subject is a file in this folder and a line here. */
import type { Mutant } from './mutant.ts';
import { receivingMutants } from './receiving.ts';
import { recordMutants } from './records.ts';

export const ALL_MUTANTS: readonly Mutant[] = Object.freeze([...recordMutants, ...receivingMutants]);
