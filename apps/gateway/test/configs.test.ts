import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { formatProblem, loadConfig, type Problem } from '@tianjillm/config'
import { type FakeUpstream, fakeUpstream, redirectedTransport } from '@tianjillm/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ConfigError, type Started, start } from '../src/index.ts'
import { inReadingOrder } from '../src/problems.ts'
import { ANSWER, answerOfVendor, redirectFetch } from './fake-vendors.ts'
import { MASTER_KEY } from './support.ts'

const folder = join(import.meta.dirname, 'fixtures/configs')
const served = globSync('*.yaml', { cwd: folder }).toSorted()
const refused = globSync('refused/*.yaml', { cwd: folder }).toSorted()

let upstream: FakeUpstream
beforeAll(async () => {
  upstream = await fakeUpstream()
  upstream.script(answerOfVendor)
  redirectFetch(upstream)
  // What plugins look for by themselves.
  for (const name of ['LANGFUSE_PUBLIC_KEY', 'LANGFUSE_SECRET_KEY', 'OPENAI_API_KEY']) vi.stubEnv(name, env(name))
})
afterAll(async () => {
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
  await upstream.close()
})

/** Every variable is set, but for those whose name says that it is not. */
function env(name: string): string | undefined {
  if (/^UNSET_|^RPM$/.test(name)) return undefined
  if (/_MASTER_KEY$/.test(name)) return MASTER_KEY
  if (name in named) return named[name]
  if (/_(API_BASE|URL)$/.test(name)) return `https://${name.toLowerCase().replaceAll('_', '-')}.example.com`
  return `value-of-${name.toLowerCase().replaceAll('_', '-')}`
}

const named: Readonly<Record<string, string>> = {
  DATABASE_URL: ':memory:',
  REDIS_HOST: '127.0.0.1',
  REDIS_PORT: '1',
  REQUEST_TIMEOUT: '60',
}

function sourceOf(path: string) {
  return { ...loadConfig(join(folder, path), env), title: path, folder }
}

/** The problems as `tianji check` tells them. What else is installed does not matter here. */
function told(problems: readonly Problem[]): string {
  const lines = inReadingOrder(problems).map((problem) =>
    formatProblem({ ...problem, file: basename(problem.file) })
      .replaceAll(`${folder}/`, '')
      .replace(/, or use one of: [\w, ]+\./, '.'),
  )
  return `${lines.join('\n') || 'none'}\n`
}

async function startOn(source: ReturnType<typeof sourceOf>): Promise<Started> {
  const settings = { source, port: 0, host: '127.0.0.1', logLevel: 'silent', transport: redirectedTransport(upstream) }
  const gateway = await start(settings)
  onTestFinished(() => gateway.stop(1_000))
  return gateway
}

async function ask({ url }: Started, model: string, key = MASTER_KEY): Promise<unknown> {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello!' }] }),
  })
  return response.json()
}

describe('a configuration as people have it', () => {
  it('comes in many kinds', () => expect(served.length).toBeGreaterThanOrEqual(42))

  it.each(served)('%s is served, and answers', async (path) => {
    const [, model] = /^#.*Asked: (\S+)/.exec(readFileSync(join(folder, path), 'utf8')) ?? []
    const source = sourceOf(path)
    const gateway = await startOn(source)
    const composed = gateway.warnings.filter(
      (warning) => warning.severity !== 'note' && !source.problems.includes(warning),
    )
    const problems = told([...source.problems, ...composed])
    await expect(problems).toMatchFileSnapshot(join(folder, path.replace('.yaml', '.problems.txt')))
    const content = path === 'mock-responses.yaml' ? 'Hi.' : ANSWER
    const answer = await ask(gateway, model!, source.config?.general.masterKey)
    expect(answer).toMatchObject({ choices: [{ message: { role: 'assistant', content } }] })
  })

  it.each(refused)('%s is refused, and says why', async (path) => {
    const error: unknown = await startOn(sourceOf(path)).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(ConfigError)
    const { problems } = error as ConfigError
    await expect(told(problems)).toMatchFileSnapshot(join(folder, path.replace('.yaml', '.problems.txt')))
    expect(problems.some(({ severity }) => severity === 'error')).toBe(true)
  })
})
