// Documents between nodes are plain JWS (RFC 7515): a library of other people reads and writes the same.
import assert from 'node:assert/strict'
import { createHash, createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { base64url, decodeProtectedHeader, flattenedVerify, generalVerify, GeneralSign, importJWK } from 'jose'

const data = JSON.parse(readFileSync(new URL('../../internal/courier/testdata/interop.json', import.meta.url), 'utf8'))
const sha256 = (b) => createHash('sha256').update(b).digest()
const options = { algorithms: ['EdDSA'] }
const publicKey = (header) => {
  assert.ok(data.keys[header.kid], `an unknown key ${header.kid}`)
  return importJWK({ kty: 'OKP', crv: 'Ed25519', x: data.keys[header.kid] }, 'EdDSA')
}

// each verifies every signature of a document: generalVerify is content with one.
const each = (jws) => Promise.all(jws.signatures.map((s) => flattenedVerify({ payload: jws.payload, ...s }, publicKey, options)))

for (const d of data.documents) {
  test(d.name, async () => {
    if (!d.valid) {
      await assert.rejects(each(d.jws), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
      return
    }
    const results = await each(d.jws)
    const { payload } = await generalVerify(d.jws, publicKey, options)
    const says = JSON.parse(new TextDecoder().decode(payload))
    assert.equal(says.iss, 'unit')
    assert.equal(says.aud, 'chirp')
    for (const r of results) {
      assert.equal(r.protectedHeader.alg, 'EdDSA')
      assert.equal(r.protectedHeader.typ, 'raksha+takedown_order')
    }

    const altered = structuredClone(d.jws)
    altered.payload = base64url.encode(new TextDecoder().decode(payload).replace('unit', 'Unit'))
    await assert.rejects(each(altered), { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' })
  })
}

test('jose signs the same bytes', async () => {
  const { jws } = data.documents[0]
  const signer = new GeneralSign(base64url.decode(jws.payload))
  for (const s of jws.signatures) {
    const header = decodeProtectedHeader(s)
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(header.kid)]) // RFC 8410 s.7
    signer.addSignature(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })).setProtectedHeader(header)
  }
  assert.deepEqual(JSON.parse(JSON.stringify(await signer.sign())), jws)
})

test('the passkey stands behind the document', () => {
  const d = data.documents.find((d) => d.passkey)
  const says = JSON.parse(Buffer.from(d.jws.payload, 'base64url'))
  const { typ } = decodeProtectedHeader(d.jws.signatures[0])
  const seen = { typ: typ.replace(/^raksha\+/, ''), iss: says.iss, aud: says.aud, jti: says.jti, iat: says.iat, exp: says.exp, body: says.body }
  const client = Buffer.from(says.passkey.client_data_json, 'base64')
  assert.equal(JSON.parse(client).challenge, sha256(JSON.stringify(seen)).toString('base64url'))
  const authenticator = Buffer.from(says.passkey.authenticator_data, 'base64')
  assert.deepEqual(authenticator.subarray(0, 32), sha256('unit.example'))
  assert.equal(authenticator[32] & 5, 5, 'the person was present and verified')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: data.passkey }, format: 'jwk' })
  assert.ok(verify(null, Buffer.concat([authenticator, sha256(client)]), key, Buffer.from(says.passkey.signature, 'base64')))
})
