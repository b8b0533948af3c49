/** The part of stompit that the bench uses; the package has no types. */
declare module 'stompit' {
  namespace stompit {
    interface StompitClient {
      send(
        headers: Record<string, string>,
        options: { readonly onReceipt: () => void },
      ): { end(body: Uint8Array): void };
      destroy(): void;
    }

    function connect(
      options: { host: string; port: number; connectHeaders: Readonly<Record<string, string>> },
      onConnected: (error: Error | null, client: StompitClient) => void,
    ): void;
  }
  export = stompit;
}
