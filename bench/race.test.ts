import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokerScenario } from './in-process/broker-scenario.ts';
import { passContestant, type Racer, type Received } from './in-process/pass.ts';
import { type Run, race, type Scenario } from './race.ts';
import { NO_COUNTS } from './tally.ts';
import { createStage } from './targets.ts';

function scenarioOf(names: readonly string[], onRun: (name: string, isWarmUp: boolean) => number): Scenario {
  return {
    name: 'fake',
    title: 'Fake',
    how: 'nothing runs',
    contestants: names.map((name) => ({
      name,
      role: 'stage',
      run: async ({ isWarmUp }): Promise<Run> => ({
        messagesPerSecond: onRun(name, isWarmUp),
        counts: NO_COUNTS,
      }),
    })),
  };
}

test('contestants run in turn within each round, after a warm-up that is thrown away', async () => {
  const order: string[] = [];
  const scenario = scenarioOf(['A', 'B', 'C'], (name, isWarmUp) => order.push(isWarmUp ? `${name} warm` : name));
  const result = await race(scenario, { roundsCount: 3 });
  assert.deepEqual(order, ['A warm', 'B warm', 'C warm', 'A', 'B', 'C', 'A', 'B', 'C', 'A', 'B', 'C']);
  assert.deepEqual(
    result.get('B')?.map(({ messagesPerSecond }) => messagesPerSecond),
    [5, 8, 11],
  );
});

test('a scenario that looks for little has more rounds than the others', async () => {
  const scenario = { ...scenarioOf(['A'], () => 1), roundsTimes: 4 };
  assert.equal((await race(scenario, { roundsCount: 3 })).get('A')?.length, 12);
});

test('fewer than three rounds are refused', async () => {
  await assert.rejects(
    race(
      scenarioOf(['A'], () => 1),
      { roundsCount: 2 },
    ),
    RangeError,
  );
});

test('it says what is being measured', async () => {
  const said: string[] = [];
  await race(
    scenarioOf(['A'], () => 1),
    { roundsCount: 3, onProgress: (text) => said.push(text) },
  );
  assert.deepEqual(said, [
    'Fake: A, warm-up',
    'Fake: A, round 1 of 3',
    'Fake: A, round 2 of 3',
    'Fake: A, round 3 of 3',
  ]);
});

/** Loses every tenth message of a pass and delivers every fourth one twice. */
function lossyRacer(received: Received): Racer {
  return {
    async pass(messages) {
      messages.forEach(({ body }, index) => {
        if (index % 10 === 0) return;
        received(body);
        if (index % 4 === 3) received(body);
      });
    },
  };
}

test('lost and duplicate messages of a contestant are counted in every pass', async () => {
  const contestant = passContestant({ name: 'lossy', role: 'peer', passCount: 100, runMs: 1, start: lossyRacer });
  const { counts } = await contestant.run({ isWarmUp: false });
  const passesCount = counts.sent / 100;
  assert.ok(Number.isInteger(passesCount) && passesCount >= 1);
  assert.equal(counts.lost, passesCount * 10);
  assert.equal(counts.received, passesCount * 90);
  assert.equal(counts.duplicate, passesCount * 25);
  assert.equal(counts.unknown, 0);
});

test('a contestant that makes no progress in a run still has a rate, of what it received', async () => {
  const idle = passContestant({
    name: 'idle',
    role: 'peer',
    passCount: 10,
    runMs: 1,
    start: () => ({ pass: () => waitTurn() }),
  });
  const { messagesPerSecond, counts } = await idle.run({ isWarmUp: false });
  assert.equal(messagesPerSecond, 0);
  assert.equal(counts.lost, counts.sent);
});

function waitTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test('a broker that loses one message in a thousand does not hang the bench: the message is counted as lost', async () => {
  const scenario = brokerScenario(
    [
      {
        name: 'forgetful',
        sendsTogether: false,
        create: async () => {
          const broker = await createStage(1);
          const send = broker.send.bind(broker);
          let sentCount = 0;
          broker.send = async (topic, message, options) => {
            sentCount += 1;
            return send(sentCount % 1000 === 0 ? 'elsewhere' : topic, message, options);
          };
          return broker;
        },
      },
    ],
    1,
  );
  const forgetful = scenario.contestants.find(({ name }) => name === 'forgetful');
  const run = await forgetful?.run({ isWarmUp: false });
  assert.ok(run !== undefined && run.counts.sent >= 1000);
  assert.ok(Math.abs(run.counts.lost - run.counts.sent / 1000) <= 10);
  assert.equal(run.counts.duplicate, 0);
});

test('the stages lose nothing and deliver nothing twice', async () => {
  const brokers = ([1, 2, 3, 4] as const).map((stage) => ({
    name: `stage ${stage}`,
    sendsTogether: stage >= 3,
    create: () => createStage(stage),
  }));
  for (const contestant of brokerScenario(brokers, 1).contestants) {
    const { counts } = await contestant.run({ isWarmUp: false });
    const { sent, received, ...faults } = counts;
    assert.ok(sent > 0, contestant.name);
    assert.equal(received, sent, contestant.name);
    assert.deepEqual(faults, { lost: 0, duplicate: 0, unanswered: 0, unknown: 0 }, contestant.name);
  }
});
