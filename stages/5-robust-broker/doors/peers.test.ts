/**
 * Where `MQ_PEERS=required` is set, as in continuous integration, no test of the doors may be skipped because a client that
 * others made is missing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { whatIsMissing } from './openwire/testing/java-client.ts';

const isRequired = process.env.MQ_PEERS === 'required';

/** Debian's package -> what shows that it is there. */
const PROBES: readonly (readonly [apt: string, command: string, ...args: string[]])[] = [
  ['mosquitto-clients', 'mosquitto_pub', '--help'],
  ['ruby-stomp', 'ruby', '-e', 'require "stomp"'],
  ['python3-stomp', '/usr/bin/python3', '-c', 'import stomp'],
];

test('all clients of other makers are there', { skip: isRequired ? false : 'MQ_PEERS is not "required"' }, () => {
  for (const [apt, command, ...args] of PROBES) {
    const { error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    assert.ok(error === undefined && !/(Load|Import|ModuleNotFound)Error/.test(stderr), `apt-get install ${apt}`);
  }
  assert.equal(whatIsMissing(), undefined);
});
