// Reports by CyberTipline: a library of other people files with a node as it files with NCMEC. Its host is fixed, so what it asks of that
// host goes to the node instead; nothing else of it is changed.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { Client, IncidentType, ResponseCode } from 'cybertipline-tools'
import { start } from './node.js'

const hosts = ['https://exttest.cybertip.org', 'https://report.cybertip.org']
const direct = globalThis.fetch
let node
let client

before(async () => {
  node = await start()
  globalThis.fetch = (url, options) => {
    const host = hosts.find((h) => String(url).startsWith(h))
    assert.ok(host, `an unexpected address: ${url}`)
    return direct(node.url + String(url).slice(host.length), options)
  }
  client = new Client({ environment: 'testing', credentials: node.reporter })
})
after(async () => {
  globalThis.fetch = direct
  await node?.stop()
})

const types = Object.values(IncidentType)
const report = (type = types[0], more = {}) => ({
  incidentSummary: { incidentType: type, platform: 'Lantern', incidentDateTime: new Date('2024-05-01T10:00:00Z') },
  reporter: { reportingPerson: { firstName: 'Asha', lastName: 'Rao', email: [{ value: 'safety@lantern.example' }] } },
  ...more,
})

test('the status names the reporter', async () => {
  const { data } = await client.getStatus()
  assert.equal(data.responseCode, ResponseCode.Success)
  assert.match(data.responseDescription, /^Remote User : lantern, Remote Ip : (127\.0\.0\.1|::1)$/)
})

for (const type of types) {
  test(`a report of the type ${types.indexOf(type) + 1} is taken`, async () => {
    const { data } = await client.submitReport(report(type))
    assert.ok(Number.isInteger(data.reportId) && data.reportId > 0)
    await client.cancelReport({ id: data.reportId })
  })
}

test('a report with a file becomes a tip', async () => {
  const submitted = await client.submitReport(report(types[0], { personOrUserReported: { espIdentifier: '9001', screenName: 'kite_river' } }))
  const id = submitted.data.reportId
  const content = readFileSync(new URL('../../internal/console/static/icon.svg', import.meta.url))
  const { data: uploaded } = await client.uploadFile({ id, file: new File([content], 'kite.svg') })
  assert.equal(uploaded.hash, createHash('md5').update(content).digest('hex'))
  await client.submitFileDetails({ reportId: id, fileId: uploaded.fileId, originalFileName: 'kite.svg' })
  const { data: finished } = await client.finishReport({ id })
  assert.equal(finished.reportId, id)
  assert.deepEqual([finished.files.fileId ?? finished.files].flat(), [uploaded.fileId])
  const own = await direct(`${node.url}/ispws/reports/${id}`, { headers: { Authorization: 'Basic ' + Buffer.from(`${node.reporter.username}:${node.reporter.password}`).toString('base64') } })
  const { state, tip } = await own.json()
  assert.equal(state, 'finished')
  assert.match(tip.number, /^T-\d{4}-\d{6}$/)
  await assert.doesNotReject(client.finishReport({ id }), 'the client takes a report that is finished already as done')
  await assert.rejects(client.uploadFile({ id, file: new File([content], 'late.svg') }))
})

test('a report is taken back', async () => {
  const { data } = await client.submitReport(report())
  await client.cancelReport({ id: data.reportId })
  await assert.rejects(client.uploadFile({ id: data.reportId, file: new File(['x'], 'x') }))
})

test('a wrong password is refused', async () => {
  const stranger = new Client({ environment: 'testing', credentials: { username: 'lantern', password: 'wrong' } })
  await assert.rejects(stranger.getStatus())
})
