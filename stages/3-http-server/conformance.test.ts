import { conformance } from '../../shared/conformance/index.ts';
import { createBroker } from './index.ts';

conformance('stage 3', createBroker, { clock: 'real', stage: 3 });
