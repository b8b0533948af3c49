/** A line of waiting calls that serves whoever came last, as a stack does. Mutants put it where a queue belongs. */
import { isMqError } from '../../contract/errors.ts';

/** A call that may wait, until its signal aborts it. */
type Call<Got> = (signal: AbortSignal) => Promise<Got>;

/** A new line: each newcomer makes all who wait begin again, behind it. */
export function newestFirst(): <Got>(call: Call<Got>) => Promise<Got> {
  const waiting = new Set<AbortController>();
  const attempt = async <Got>(call: Call<Got>): Promise<Got> => {
    const turn = new AbortController();
    waiting.add(turn);
    try {
      return await call(turn.signal);
    } catch (error) {
      if (isMqError(error, 'MQ_ABORTED') && turn.signal.aborted) return attempt(call);
      throw error;
    } finally {
      waiting.delete(turn);
    }
  };
  return (call) => {
    for (const turn of [...waiting]) turn.abort();
    return attempt(call);
  };
}
