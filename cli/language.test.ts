import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandError } from './exit.ts';
import { chooseLanguage } from './language.ts';

test('--lang decides before the environment', () => {
  assert.equal(chooseLanguage({ lang: 'zh', env: { LANG: 'en_US.UTF-8' } }), 'zh');
  assert.equal(chooseLanguage({ lang: 'zh_CN.UTF-8', env: {} }), 'zh');
  assert.equal(chooseLanguage({ lang: 'en-GB', env: { LANG: 'zh_CN' } }), 'en');
});

test('LC_ALL decides before LC_MESSAGES, that before LANG, and an empty one counts as not set', () => {
  assert.equal(chooseLanguage({ env: { LC_ALL: 'zh_TW', LANG: 'en_US' } }), 'zh');
  assert.equal(chooseLanguage({ env: { LC_ALL: '', LC_MESSAGES: 'zh_CN', LANG: 'en_US' } }), 'zh');
  assert.equal(chooseLanguage({ env: { LC_ALL: 'C', LANG: 'zh_CN' } }), 'en');
});

test('a language there is not is English from the environment and a wrong use from --lang', () => {
  assert.equal(chooseLanguage({ env: { LANG: 'de_DE' } }), 'en');
  assert.equal(chooseLanguage({ env: {} }), 'en');
  assert.throws(
    () => chooseLanguage({ lang: 'de', env: {} }),
    (error) => error instanceof CommandError && error.exitCode === 2,
  );
});
