import { conformance } from '../../shared/conformance/index.ts';
import { createBroker } from './index.ts';

conformance('stage 2, ring buffer', createBroker, { clock: 'virtual', stage: 2 });
