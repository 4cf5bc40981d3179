/**
 * `npm run test:live`: questions to real models about a real database, over each transport. Vendors are those whose keys
 * are in the environment: OPENAI_API_KEY; MAAS_API_KEY with MAAS_API_URL and MAAS_MODEL_NAME.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answered, told } from './answer.ts'
import { type Stage, setStage, transports } from './stage.ts'

const variables = {
  openai: { needed: ['OPENAI_API_KEY'], more: ['OPENAI_MODEL', 'OPENAI_BASE_URL'] },
  huawei_maas: { needed: ['MAAS_API_KEY', 'MAAS_API_URL', 'MAAS_MODEL_NAME'], more: [] },
} as const
type Provider = keyof typeof variables

const isLive = process.env.MODE === 'live'
/** A model thinks, is busy, and thinks again. */
const PATIENCE = 120_000

for (const provider of Object.keys(variables) as Provider[]) {
  const { needed, more } = variables[provider]
  const missing = needed.filter((name) => !process.env[name])
  if (isLive && missing.length > 0) console.warn(`${provider} is not tested: ${missing.join(' and ')} not set.`)
  const values = [...needed, ...more].flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))

  describe.skipIf(!isLive || missing.length > 0).each(transports)(`${provider} over %s`, (transport) => {
    let stage: Stage
    beforeAll(async () => {
      stage = await setStage({
        ...{ transport, isHarmless: true, vendors: Object.fromEntries(values), env: { LLM_PROVIDER: provider } },
      })
    })
    afterAll(() => stage.close())

    test('answers with what it can know from tools alone', { timeout: PATIENCE }, async () => {
      const content = 'Which customer has spent most in total, and how much?'
      const answer = await answered(await stage.ask('/api/query', { content }))
      expect(answer.provider_used).toBe(provider)
      expect(answer.tool_calls.some(({ error }) => error === null)).toBe(true)
      expect(answer.content).toContain('Tanglefoot')
      expect(answer.content.replaceAll(/[,\s]/g, '')).toMatch(/4799[.]25/)
      expect(answer.usage.total_tokens).toBeGreaterThan(0)
    })

    test('knows in a session what was asked before', { timeout: PATIENCE }, async () => {
      const ask = async (body: object) => answered(await stage.ask('/api/query', body))
      const { session_id } = await ask({ content: 'Which customer has spent most in total?' })
      const { content } = await ask({
        content: 'How many orders did that customer place? A number, please.',
        session_id,
      })
      expect(content).toMatch(/\b(2|two)\b/i)
    })

    test('says so when there is no answer', { timeout: PATIENCE }, async () => {
      const content = 'What is in the table invoices_2019? Try to read it before you answer.'
      const answer = await answered(await stage.ask('/api/query', { content }))
      expect(answer.content).toMatch(/not|no such|n't|unable|only/i)
    })

    test('answers in events', { timeout: PATIENCE }, async () => {
      const body = { content: 'Which tables are in the database?', stream: true }
      const events = await told(await stage.ask('/api/query', body))
      const kinds = events.map(({ type }) => type)
      expect(kinds).toEqual(expect.arrayContaining(['step', 'tool_call', 'tool_result', 'delta', 'done']))
      expect(events.at(-1)!.data.content).toMatch(/customers[\s\S]*orders|orders[\s\S]*customers/i)
    })
  })
}
