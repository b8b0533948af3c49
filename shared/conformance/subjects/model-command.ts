/** One step that a model and a broker take together; a property is a random sequence of such steps. */
import type fc from 'fast-check';

export type ModelCommand<Model extends object, Real> = fc.AsyncCommand<Model, Real>;

export interface CommandParts<Model extends object, Real> {
  /** Does it to both and compares; what the broker answers must be what the model says. */
  readonly run: (model: Model, real: Real) => Promise<void>;
  /** False where the step makes no sense; it is then left out. */
  readonly check?: (model: Readonly<Model>) => boolean;
}

/** The command that a failure's shortest sequence shows as `label`. */
export function commandOf<Model extends object, Real>(
  label: string,
  { run, check = () => true }: CommandParts<Model, Real>,
): ModelCommand<Model, Real> {
  return { run, check, toString: () => label };
}
