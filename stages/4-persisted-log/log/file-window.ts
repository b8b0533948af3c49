/**
 * A part of a file in memory that moves forward with its reader, so that many small looks cost few reads.
 *
 * Always true: memory is one window, or what a caller asks for at once when that is more. Reads only.
 */
import type { DiskFile } from '../../../shared/disk.ts';

export interface FileWindowOptions {
  readonly file: DiskFile;
  /** Nothing is read from here on. */
  readonly fileBytes: number;
  /** Read at once, at least. */
  readonly windowBytes: number;
}

export class FileWindow {
  readonly #options: FileWindowOptions;
  #bytes: Uint8Array = new Uint8Array();
  /** Of the first byte in memory. */
  #position = 0;

  constructor(options: FileWindowOptions) {
    this.#options = options;
  }

  /** What is in memory from `position` on: at least `bytesMin`, or all that the file has. */
  async at(position: number, bytesMin: number): Promise<Uint8Array> {
    const { file, fileBytes, windowBytes } = this.#options;
    const from = position - this.#position;
    const left = Math.max(fileBytes - position, 0);
    if (from >= 0 && from + Math.min(bytesMin, left) <= this.#bytes.length) return this.#bytes.subarray(from);
    const bytes = new Uint8Array(Math.min(Math.max(bytesMin, windowBytes), left));
    const readBytes = await file.read(bytes, position);
    this.#bytes = bytes.subarray(0, readBytes);
    this.#position = position;
    return this.#bytes;
  }
}
