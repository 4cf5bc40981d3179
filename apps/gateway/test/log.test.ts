import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

/** Writes lines of many lengths, many more than a pipe holds. */
const program = `
import { createLogs } from '${resolve(import.meta.dirname, '../src/log.ts')}'
const logs = createLogs('info', (text) => text, { isOneOfMany: true })
for (let index = 0; index < 3000; index++) logs.log.info('x'.repeat((index * 37) % 900), { index })
logs.flush()
`

it('keeps the lines of processes whole that write to one pipe, also when its reader is slow', async () => {
  const writer = `"${process.execPath}" --conditions=@tianjillm/source --input-type=module-typescript -e "$PROGRAM"`
  const { stdout } = await promisify(execFile)('sh', ['-c', `(${writer} & ${writer} & wait) | (sleep 0.5; cat)`], {
    env: { PROGRAM: program },
    maxBuffer: 64 * 1024 * 1024,
  })
  const lines = stdout.trimEnd().split('\n')
  const written = lines.map((line) => JSON.parse(line) as { readonly pid: number; readonly index: number })
  const pids = [...new Set(written.map(({ pid }) => pid))]
  expect(pids).toHaveLength(2)
  const expected = Array.from({ length: 3_000 }, (_, index) => index)
  // A write that is under way when the process ends may be overtaken by what is flushed then.
  const indexesOf = (pid: number) => written.filter((line) => line.pid === pid).map(({ index }) => index)
  for (const pid of pids) expect(indexesOf(pid).sort((one, other) => one - other)).toEqual(expected)
})

it('hides what must not be seen of facts, in them and one step below', async () => {
  const source = `
import { createLogs } from '${resolve(import.meta.dirname, '../src/log.ts')}'
const logs = createLogs('info', (text) => text)
logs.log.info('plain', { server: 'a', error: undefined })
logs.log.info('named', { token: 'sk-1' })
logs.log.info('below', { facts: { api_key: 'sk-2', size: 1 } })
logs.flush()
`
  const options = ['--conditions=@tianjillm/source', '--input-type=module-typescript', '-e', source]
  const { stdout } = await promisify(execFile)(process.execPath, options)
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { msg: 'plain', server: 'a' },
    { msg: 'named', token: '[redacted]' },
    { msg: 'below', facts: { api_key: '[redacted]', size: 1 } },
  ])
})
