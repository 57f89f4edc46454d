// Runs one node of its own with a reporter's credential, for tests with other people's clients.
import { spawn, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

// start gives the node's URL, a reporter's name and password, and the way to stop it. The binary is built unless RAKSHA names one.
export async function start() {
  const dir = mkdtempSync(join(tmpdir(), 'raksha-client-'))
  const binary = process.env.RAKSHA ?? build(dir)
  const folder = join(dir, 'node')
  const child = spawn(binary, ['serve', '--dir', folder, '--desks', 'clearinghouse', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise((done) => child.once('exit', done))
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
    rmSync(dir, { recursive: true, force: true })
  }
  let told = ''
  let code
  child.stderr.on('data', (b) => (told = (told + b).slice(-4000)))
  const url = await new Promise((done, fail) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      code ??= /^set-up code: (\S+)/.exec(line)?.[1]
      const m = /^listening on (\S+)/.exec(line)
      if (m) done(m[1])
    })
    ended.then((status) => fail(new Error(`raksha serve ended with ${status}:\n${told}`)))
  })
  const api = async (path, body, token) => {
    const response = await fetch(url + '/api/v1' + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: 'Bearer ' + token } : {}) },
      body: JSON.stringify(body),
    })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.detail}`)
    return answer
  }
  const person = { username: 'asha', password: 'a long test password' }
  await api('/setup', { code, agency: 'clearinghouse', name: 'Clearinghouse', url, jurisdiction: 'in', station: '', phone: '', ...person, person_name: 'Asha Rao' })
  const { token } = await api('/session', person)
  const made = await api('/credentials', { kind: 'reporter', name: 'lantern' }, token)
  return { url, reporter: { username: made.username, password: made.password }, stop }
}

function build(dir) {
  const binary = join(dir, 'raksha')
  execFileSync('go', ['build', '-o', binary, './cmd/raksha'], {
    cwd: resolve(import.meta.dirname, '../..'),
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false -tags=nodynamic' },
  })
  return binary
}
