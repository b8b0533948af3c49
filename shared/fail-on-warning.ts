/**
 * Loaded before every test file: a warning of Node's (MaxListeners, a deprecation, an unhandled rejection about to be
 * dropped) is a defect of ours and fails the run.
 */
import process from 'node:process';

process.on('warning', (warning) => {
  throw warning;
});
