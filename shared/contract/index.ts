/** What `stagemq/contract` exports. An entry of the package only: nothing inside the project imports it. */
export * from './broker.ts';
export * from './capabilities.ts';
export * from './connections.ts';
export * from './description.ts';
export * from './errors.ts';
export * from './explanation.ts';
export * from './filter.ts';
export * from './half-message.ts';
export * from './health.ts';
export * from './inside.ts';
export * from './limits.ts';
export * from './message.ts';
export * from './metrics.ts';
export * from './producer.ts';
export * from './raw-batches.ts';
export * from './transaction.ts';
export * from './validation.ts';
