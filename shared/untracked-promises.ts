/**
 * Loaded before every test file: node:test does not follow promises. It follows everything that a test starts, so as to
 * say from which test an error comes that nobody caught. Our tests make millions of promises, and to follow each until
 * it is collected took a third of their time.
 *
 *     a test -> timer, socket, file   followed
 *     a test -> promise               not followed, and not what is started after an await
 *
 * Always true: an error that nobody caught fails the run, and is told with its text (untracked-promises.test.ts); only
 * the name of its test may be missing, and a run without this file has it. Node has no switch for it; node:test asks
 * for its hook after this file was loaded, and gets one that looks at all but promises.
 */
import asyncHooks from 'node:async_hooks';

const { createHook } = asyncHooks;

/** Only for node:test, which takes the function from the module; an import by name has the one that was there before. */
asyncHooks.createHook = (options) => createHook({ ...options, trackPromises: false });
