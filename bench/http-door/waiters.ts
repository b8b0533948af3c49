export interface Memory {
  readonly heldBytes: number;
  readonly residentBytes: number;
}
export interface WaitersResult {
  readonly waiterCount: number;
  readonly before: Memory;
  readonly during: Memory;
  readonly after: Memory;
  readonly bytesPerWaiter: number;
  readonly givenBackShare: number;
  readonly wokenCount: number;
  readonly lostCount: number;
  readonly waiterCountAfter: number;
}
