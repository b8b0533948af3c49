/** A property passes when every try was made, and not when there was no time for them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { equal } from './check.ts';
import { holdsAlways } from './property.ts';
import { Contradiction, EnvironmentFault } from './verdict.ts';

const context = { seed: 42 };

describe('a property', () => {
  test('is tried as often as it says', async () => {
    let runsCount = 0;
    const property = fc.asyncProperty(fc.nat(), async () => {
      runsCount += 1;
    });
    await holdsAlways(context, property, { runsCount: 25 });
    assert.equal(runsCount, 25);
  });

  test('that held until the time was over is neither kept nor broken', async () => {
    let runsCount = 0;
    const property = fc.asyncProperty(fc.nat(), () => {
      runsCount += 1;
      return runsCount < 3 ? Promise.resolve() : new Promise<void>(() => undefined);
    });
    const fault = { name: EnvironmentFault.name, message: /2 of 25 random tries ended within 50 ms/ };
    await assert.rejects(holdsAlways(context, property, { runsCount: 25, msMax: 50 }), fault);
  });

  test('that was broken is told by the shortest values, also when the time is over before they are certain', async () => {
    let hasBroken = false;
    const property = fc.asyncProperty(fc.nat(), (value) => {
      if (hasBroken) return new Promise<void>(() => undefined);
      hasBroken = true;
      equal(value, -1, 'the value');
      return Promise.resolve();
    });
    await assert.rejects(holdsAlways(context, property, { runsCount: 25, msMax: 50 }), (error) => {
      assert.ok(error instanceof Contradiction);
      assert.match(error.expected, /^the value: -1 \(shortest sequence of calls: \d+\)$/);
      return true;
    });
  });
});
