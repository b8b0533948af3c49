/** Stage 2 under the suite that every broker of the contract is judged by. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { createBroker } from './index.ts';

conformance('2', createBroker, { clock: 'virtual', stage: 2 });
