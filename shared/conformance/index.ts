/**
 * What `stagemq/conformance` exports: the suite for a broker of your own, in node:test (`conformance`) or as a report
 * (`runConformance`), and the history checker. An entry: nothing inside the suite imports it.
 */
export { type Anomaly, type AnomalyName, type CheckOptions, checkHistory } from './checker.ts';
export { conformance, describeResult, describeStory } from './conformance.ts';
export type {
  ConformanceOptions,
  ConformanceTarget,
  ConformanceTest,
  CreateBroker,
  Need,
  Subject,
} from './conformance-test.ts';
export { type Call, describeCall, History } from './history.ts';
export { recorded } from './recorder.ts';
export { runConformance } from './run.ts';
export { ALL_TESTS, SUBJECTS } from './subjects.ts';
export { type ConformanceReport, type FailureStory, type TestResult, VERDICTS, type Verdict } from './verdict.ts';
