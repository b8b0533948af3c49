/** Stage 3 under the same suite: everything it asks goes through the wire. */
import { conformance } from '../../shared/conformance/conformance.ts';
import { createBroker } from './index.ts';

conformance('3', createBroker, { clock: 'real', stage: 3 });
