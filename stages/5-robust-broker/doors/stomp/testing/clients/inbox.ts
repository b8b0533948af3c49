/** What a client library hands to a callback, for whoever awaits it one by one. */
export class Inbox<T> {
  readonly #items: T[] = [];
  #wake: () => void = () => undefined;

  readonly put = (item: T): void => {
    this.#items.push(item);
    this.#wake();
  };

  readonly next = async (): Promise<T> => {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  };
}
