/** What a broker says of a disk that failed, and of bytes that are not what was written. Pure. */
import { MqError } from '../../../shared/contract/errors.ts';

/** Codes of a disk that has no room: the call may succeed when there is some again. */
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Codes of a process, or a system, that has no more files to open. */
const NO_FILES = new Set(['EMFILE', 'ENFILE']);

/** An error of a disk as `MQ_STORAGE_FULL` or `MQ_STORAGE_FAILED`; one that has a code already is left as it is. */
export function storageError(error: unknown, what: string): MqError {
  if (error instanceof MqError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = error instanceof Error ? error.message : String(error);
  if (NO_FILES.has(code)) {
    const advice = 'let the process have more of them: ulimit -n 65536';
    return new MqError('MQ_STORAGE_FAILED', `${what}: too many files are open (${text}); ${advice}`, { cause: error });
  }
  if (FULL.has(code)) return new MqError('MQ_STORAGE_FULL', `${what}: there is no room (${text})`, { cause: error });
  return new MqError('MQ_STORAGE_FAILED', `${what}: ${text}`, { cause: error });
}

/** Of a write whose rest could not be cut off: of a full disk, too, nobody can say that nothing was stored. */
export function uncertainError(error: MqError): MqError {
  if (error.code !== 'MQ_STORAGE_FULL') return error;
  return new MqError('MQ_STORAGE_FAILED', `${error.message}; what was written could not be cut off`, { cause: error });
}

/** Where bytes are not what was written. */
export interface Damage {
  readonly file: string;
  readonly position: number;
  readonly offset: number;
  /** The condition of docs/format-log.md that does not hold, and what was found instead. */
  readonly reason: string;
}

export function corruptError({ file, position, offset, reason }: Damage): MqError {
  return new MqError(
    'MQ_CORRUPT',
    `${file} is damaged at position ${position}, where offset ${offset} should be: ${reason}. ` +
      '`mq verify` lists all damage; `mq repair --skip` sets it aside and opens the rest',
  );
}
