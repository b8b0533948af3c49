/** After everything that this turn of the event loop still has to do: sockets are read and written between. For the doors. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
