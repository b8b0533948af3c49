import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { certificateOf } from './credentials.ts';

/** A connection whose TLS has seen this certificate. */
function connectionWith(certificate: object, isAuthorized = true): TLSSocket {
  return Object.create(TLSSocket.prototype, {
    authorized: { value: isAuthorized },
    getPeerCertificate: { value: () => certificate },
  });
}

test('a certificate says its common name and its fingerprint, and without a name its fingerprint all the same', () => {
  const fingerprint256 = 'AB:CD';
  const seen = (subject: object | undefined) => certificateOf(connectionWith({ subject, fingerprint256 }));
  assert.deepEqual(seen({ CN: 'shop' }), { subject: 'shop', fingerprint: 'AB:CD' });
  assert.deepEqual(seen({ CN: ['shop', 'admin'] }), { subject: 'shop', fingerprint: 'AB:CD' });
  for (const nameless of [{}, undefined]) assert.deepEqual(seen(nameless), { subject: '', fingerprint: 'AB:CD' });
});

test('no certificate, and one that was not verified, say nothing', () => {
  assert.equal(certificateOf(connectionWith({})), undefined);
  assert.equal(certificateOf(connectionWith({ subject: { CN: 'shop' }, fingerprint256: 'AB:CD' }, false)), undefined);
});
