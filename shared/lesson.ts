/**
 * What a stage teaches, as code: its `story.ts` (what `mq stage N` tells) and its `limit.ts` (what `mq limit N`
 * shows). Both run the real broker of the stage; nothing they print is written by hand that could be observed.
 */
import type { Clock } from './clock.ts';
import type { Random } from './random.ts';

/** A text in both languages; the types make a missing translation a compile error. */
export interface Bilingual {
  readonly en: string;
  readonly zh: string;
}

export type Language = keyof Bilingual;

/** One line of a story. */
export type StoryLine =
  /** A heading: the next idea. */
  | { readonly kind: 'title'; readonly text: Bilingual }
  /** A sentence that explains. */
  | { readonly kind: 'say'; readonly text: Bilingual }
  /** A call as a student would write it, shown before it runs. */
  | { readonly kind: 'call'; readonly code: string }
  /** What was observed: built from what the broker really answered. */
  | { readonly kind: 'saw'; readonly text: Bilingual }
  /** A picture of several lines (slots, ring), drawn from `inspect`. */
  | { readonly kind: 'picture'; readonly lines: readonly string[] };

export interface StoryOptions {
  /** Fixed by default, so that a printed story is the same every time. */
  readonly clock?: Clock & { pass(ms: number): Promise<void> };
  readonly random?: Random;
}

/** A stage's `story.ts` exports `story: Story`. */
export type Story = (options?: StoryOptions) => AsyncIterable<StoryLine>;

/** A stage's limit, shown by running into it. */
export interface LimitReport {
  readonly stage: number;
  /** What this stage cannot do, in one sentence. */
  readonly claim: Bilingual;
  /** What was done and observed, one step a line. */
  readonly steps: readonly Bilingual[];
  /** True when the limit really showed; false means the claim is no longer true. */
  readonly isShown: boolean;
  /** What the next stage does about it. */
  readonly next: Bilingual;
}

/** A stage's `limit.ts` exports `showLimits: ShowLimits`: one report per limit of the table in docs/architecture.md. */
export type ShowLimits = () => Promise<readonly LimitReport[]>;

/** A heading of a story. */
export function title(en: string, zh: string): StoryLine {
  return { kind: 'title', text: { en, zh } };
}

/** A sentence that explains. */
export function say(en: string, zh: string): StoryLine {
  return { kind: 'say', text: { en, zh } };
}

/** What was observed. */
export function saw(en: string, zh: string): StoryLine {
  return { kind: 'saw', text: { en, zh } };
}

/** A call, shown before it runs. */
export function call(code: string): StoryLine {
  return { kind: 'call', code };
}
