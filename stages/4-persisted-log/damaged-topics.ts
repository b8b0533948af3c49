/**
 * Topics that are in the data folder and cannot be used, and why.
 *
 * Always true: they are known by their folder, which follows from the name, so every call on one is refused, also where its
 * name cannot be read any more, and nothing is made in its place. Only the table of topics uses it.
 */
import type { MqError } from '../../shared/contract/errors.ts';

export interface DamagedTopic {
  readonly folder: string;
  readonly error: MqError;
}

export class DamagedTopics {
  readonly #byFolder = new Map<string, DamagedTopic>();
  readonly #folderOf: (name: string) => string;

  readonly #onNotice: (text: string) => void;

  constructor(folderOf: (name: string) => string, onNotice: (text: string) => void) {
    this.#folderOf = folderOf;
    this.#onNotice = onNotice;
  }

  get count(): number {
    return this.#byFolder.size;
  }

  note(folder: string, error: MqError): void {
    this.#byFolder.set(folder, { folder, error });
    this.#onNotice(`a topic cannot be opened: ${error.message}`);
  }

  forget(folder: string): void {
    this.#byFolder.delete(folder);
  }

  of(name: string): DamagedTopic | undefined {
    return this.#byFolder.size === 0 ? undefined : this.#byFolder.get(this.#folderOf(name));
  }
}
