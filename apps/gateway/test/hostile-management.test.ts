import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describeOnBoth } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { contentTypes, hostileBodies, hostileInUrls, hostileJson } from './hostile-values.ts'
import { MASTER_KEY } from './support.ts'
import { type KnownRoute, keys, routes, type Tenants, type Told, tenantsIn } from './tenants.ts'

/** Each field meets one in so many of the values, the next field others. HOSTILE_SHARE=1 has each meet all, in some minutes. */
const SHARE = Number(process.env.HOSTILE_SHARE ?? 160)

/** Words of databases, drivers and JavaScript, which are nobody's business. */
const INSIDE =
  /sqlite|postgres|kysely|constraint|violates|byte sequence|syntax error|node_modules|node:|\bat async\b|RangeError/i
const SECRETS = [MASTER_KEY, '/tianji-store-', 'test@127.0.0.1', ...Object.values(keys)]

const isQuery = ({ method }: KnownRoute) => method === 'GET'

/** A request of a route with one of its fields put to something, as JSON or as a URL spells it. */
function requestWith(route: KnownRoute, field: string, raw: string): { readonly path: string; readonly body?: string } {
  const { [field]: _, ...rest } = route.fields
  if (isQuery(route)) return { path: `${route.path}?${queryOf(rest)}&${encodeURIComponent(field)}=${raw}` }
  const others = JSON.stringify(rest).slice(1, -1)
  return { path: route.path, body: `{${others}${others === '' ? '' : ','}${JSON.stringify(field)}:${raw}}` }
}

function queryOf(fields: Readonly<Record<string, unknown>>): string {
  return new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)])).toString()
}

/** What is wrong with an answer, whatever was asked; undefined: nothing. */
function fault({ status, text }: Told, asked: string): string | undefined {
  if (status >= 500) return `status ${status}: ${text}`
  if (status < 400) return undefined
  const error = errorIn(text)
  if (error === undefined) return `not OpenAI's shape: ${text.slice(0, 200)}`
  const said = `${error.message} ${error.param}`
  if (INSIDE.test(said)) return `tells of its inside: ${said}`
  const secret = SECRETS.find((secret) => text.includes(secret) && !asked.includes(secret))
  return secret === undefined ? undefined : `tells ${secret}`
}

/** Whether an error is said to be of a field. Of people the names are at fault, and of what is too long the whole. */
function blames(param: string | null | undefined, field: string, message = ''): boolean {
  if (field.startsWith('member') && param === 'user_id') return true
  return param?.startsWith(field) ?? /at most \d+ letters/.test(message)
}

interface ToldError {
  readonly message: string
  readonly type: string
  readonly param: string | null
  readonly code: string | null
}

function errorIn(text: string): ToldError | undefined {
  try {
    const { error } = JSON.parse(text) as { readonly error: ToldError }
    const isWhole = typeof error.message === 'string' && typeof error.type === 'string'
    return isWhole && 'param' in error && 'code' in error && error.message.length < 1_000 ? error : undefined
  } catch {
    return undefined
  }
}

/** Asks, and puts down what is wrong with the answer, or with the database after a refusal. */
function createJudge(tenants: Tenants, before: string) {
  const faults: string[] = []
  const judge = async (title: string, method: string, path: string, asking: Parameters<Tenants['ask']>[2] = {}) => {
    const told = await tenants
      .ask(method, path, asking)
      .catch((error: unknown) => ({ status: 599, text: String(error) }))
    const asked = `${path} ${typeof asking.body === 'string' ? asking.body : ''}`
    const wrong = fault(told, asked)
    if (wrong !== undefined) faults.push(`${title}: ${wrong}`.slice(0, 400))
    return told
  }
  const demandSame = async (title: string) => {
    if ((await tenants.contents()) !== before) faults.push(`${title}: changed the database`)
  }
  return { faults, judge, demandSame }
}

/** Names that may be fields: all that stand before a colon where bodies and queries are read. */
function candidates(): readonly string[] {
  const main = resolve(import.meta.dirname, '../../..')
  const folders = [
    'packages/tenancy/src',
    'packages/tenancy/src/spend',
    'packages/prompts/src',
    'apps/gateway/src/http',
    'apps/gateway/src/mcp',
  ]
  const files = folders.flatMap((folder) =>
    readdirSync(join(main, folder)).flatMap((name) => (name.endsWith('.ts') ? join(main, folder, name) : [])),
  )
  const names = files.flatMap((file) => readFileSync(file, 'utf8').match(/\b[a-z][a-z0-9_]*(?=\??:)|'[a-z_]+'/g) ?? [])
  return [...new Set(names.map((name) => name.replaceAll("'", '')))]
}

/**
 * The fields that a route reads: those that it finds fault with when all that there may be are wrong. It names the first
 * that is, which then is made right, or taken away.
 */
async function fieldsOf(route: KnownRoute, tenants: Tenants, names: readonly string[]): Promise<readonly string[]> {
  const found = new Set(Object.keys(route.fields))
  const wrong = new Set(names.filter((name) => !found.has(name)))
  for (;;) {
    const fields = {
      ...Object.fromEntries([...wrong].map((name) => [name, isQuery(route) ? '\u0001' : 1.5e300])),
      ...route.fields,
    }
    const { text } = isQuery(route)
      ? await tenants.ask(route.method, `${route.path}?${queryOf(fields)}`)
      : await tenants.ask(route.method, route.path, { body: JSON.stringify(fields) })
    const { param, message = '' } = errorIn(text) ?? {}
    const [name = ''] = /^[a-z0-9_]+/.exec(param ?? '') ?? []
    if (message.includes('is not known') || !wrong.delete(name)) return [...found]
    found.add(name)
  }
}

const known = new Map<KnownRoute, readonly string[]>()

describeOnBoth('hostile input', (newUrl) => {
  it('is not needed for a route to work: each has an example here that is answered', async () => {
    const tenants = await tenantsIn(newUrl())
    for (const route of routes) {
      const { method, path, pattern, fields } = route
      const asked = isQuery(route) ? `${path}?${queryOf(fields)}` : path
      const { status, text } = await tenants.ask(method, asked, isQuery(route) ? {} : { body: JSON.stringify(fields) })
      // It was started without a file.
      const expected = pattern === '/config/reload' ? 400 : 200
      expect([`${method} ${pattern}`, status, text]).toEqual([`${method} ${pattern}`, expected, text])
      if (!isQuery(route)) await tenants.restore()
    }
  })

  it('is seen when it changes something', async () => {
    const tenants = await tenantsIn(newUrl())
    const before = await tenants.contents()
    expect(await tenants.contents()).toBe(before)
    await tenants.ask('POST', '/customer/new', { body: '{"user_id": "somebody"}' })
    expect(await tenants.contents()).not.toBe(before)
    await tenants.restore()
    expect(await tenants.contents()).toBe(before)
  })

  it('in whatever field is taken as what it is, or refused with a word about the field, and changes nothing then', async () => {
    const tenants = await tenantsIn(newUrl())
    const { faults, judge, demandSame } = createJudge(tenants, await tenants.contents())
    const names = candidates()
    let turn = 0
    for (const route of routes) {
      const fields = known.get(route) ?? (await fieldsOf(route, tenants, names))
      known.set(route, fields)
      await tenants.restore()
      for (const field of fields) {
        turn += 1
        const values = isQuery(route) ? hostileInUrls : hostileJson
        for (const [index, raw] of values.entries()) {
          if ((index + turn) % SHARE !== 0) continue
          const title = `${route.method} ${route.pattern} ${field}=${raw.slice(0, 60)}`
          const { path, body } = requestWith(route, field, raw)
          const { status, text } = await judge(title, route.method, path, { body })
          const { param, message } = errorIn(text) ?? {}
          if (status === 400 && !blames(param, field, message))
            faults.push(`${title}: blames ${param}: ${message}`.slice(0, 400))
          if (isQuery(route)) continue
          if (status === 200) await tenants.restore()
          else await demandSame(title)
        }
      }
      await demandSame(route.pattern)
      await tenants.restore()
    }
    expect(faults).toEqual([])
    expect([...known.values()].flat().length).toBeGreaterThan(400)
  }, 600_000)

  it('in paths is taken as a name or refused', async () => {
    const tenants = await tenantsIn(newUrl())
    const { faults, judge, demandSame } = createJudge(tenants, await tenants.contents())
    for (const { method, pattern, fields } of routes.filter(({ pattern }) => pattern.includes(':'))) {
      for (const raw of hostileInUrls) {
        const path = pattern.replace(/:\w+/, raw)
        const body = method === 'GET' ? undefined : JSON.stringify(fields)
        const { status } = await judge(`${method} ${path.slice(0, 60)}`, method, path, { body })
        if (status === 200) await tenants.restore()
        else await demandSame(`${method} ${path.slice(0, 60)}`)
      }
    }
    expect(faults).toEqual([])
  }, 120_000)

  it('as a body is refused, whatever it calls itself', async () => {
    const tenants = await tenantsIn(newUrl())
    const { faults, judge, demandSame } = createJudge(tenants, await tenants.contents())
    for (const [index, { method, path, pattern }] of routes.filter((route) => !isQuery(route)).entries()) {
      for (const [number, body] of hostileBodies.entries()) {
        const title = `${method} ${pattern} ${number} ${String(body).slice(0, 40)}`
        const type = contentTypes[(index + number) % contentTypes.length]
        const { status } = await judge(title, method, path, { body, type })
        if (status === 200) await tenants.restore()
        else await demandSame(title)
      }
    }
    expect(faults).toEqual([])
  }, 240_000)
})

describe('the names of fields', () => {
  it('are found in the sources', () => {
    expect(candidates()).toEqual(expect.arrayContaining(['max_budget', 'team_ids', 'start_date', 'prompt_id']))
  })
})
