import { callbackContract, failedReport, sampleReport } from '@tianjillm/testing'
import { expect } from 'vitest'
import { langfuse } from '../src/langfuse.ts'

const url = 'https://cloud.langfuse.com/api/public/ingestion'
const headers = { authorization: `Basic ${btoa('pk-lf-1:sk-lf-2')}` }
const keyHash = '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b'
const uuid = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`

interface Batch {
  readonly batch: readonly { readonly id: string; readonly type: string; readonly body: Record<string, unknown> }[]
}

/** Bodies of the events in the first request. */
const eventBodies = (bodies: readonly unknown[]) => (bodies[0] as Batch).batch.map(({ body }) => body)

const gatewayFacts = {
  litellm_call_id: 'call-1',
  custom_llm_provider: 'openai',
  model_group: 'small',
  model_id: 'dep-1',
  api_base: 'https://api.openai.com/v1',
  user_api_key_hash: keyHash,
  user_api_key_alias: 'dev',
  user_api_key_team_id: 'team-1',
}
const input = [{ role: 'user', content: 'hi' }]

callbackContract(langfuse, {
  options: {},
  env: { LANGFUSE_PUBLIC_KEY: 'pk-lf-1', LANGFUSE_SECRET_KEY: 'sk-lf-2', LANGFUSE_RELEASE: 'v9' },
  keyEnv: 'LANGFUSE_PUBLIC_KEY',
  wrongOptions: { options: { secretKey: 5 }, path: 'secretKey' },
  cases: [
    {
      title: 'sends a trace and a generation of a success',
      reports: [sampleReport()],
      reply: { status: 207, body: { successes: [], errors: [] } },
      sent: [
        {
          url,
          headers,
          json: {
            batch: [
              {
                id: uuid(1),
                timestamp: '2026-01-02T10:00:00.000Z',
                type: 'trace-create',
                body: {
                  id: 'trace-1',
                  timestamp: '2026-01-02T10:00:00.000Z',
                  name: 'litellm-acompletion',
                  userId: 'u-9',
                  input,
                  output: { role: 'assistant', content: 'hello' },
                  release: 'v9',
                  tags: ['demo'],
                },
              },
              {
                id: uuid(2),
                timestamp: '2026-01-02T10:00:01.300Z',
                type: 'generation-create',
                body: {
                  id: 'call-1',
                  traceId: 'trace-1',
                  name: 'litellm-acompletion',
                  startTime: '2026-01-02T10:00:00.000Z',
                  endTime: '2026-01-02T10:00:01.300Z',
                  completionStartTime: '2026-01-02T10:00:00.400Z',
                  model: 'gpt-4o-mini',
                  modelParameters: { temperature: 0.2 },
                  input,
                  output: { role: 'assistant', content: 'hello' },
                  usage: { input: 10, output: 20, total: 30, unit: 'TOKENS', totalCost: 0.00012 },
                  usageDetails: { input: 10, output: 20, total: 30 },
                  costDetails: { total: 0.00012 },
                  metadata: gatewayFacts,
                  level: 'DEFAULT',
                },
              },
            ],
          },
        },
      ],
    },
    {
      title: 'tells why a call failed',
      reports: [failedReport()],
      check: (bodies) => {
        const [trace, generation] = eventBodies(bodies)
        expect(trace).toMatchObject({ id: 'trace-1', input })
        expect(generation).toMatchObject({ level: 'ERROR', statusMessage: 'openai: slow down', input })
        for (const absent of ['usage', 'output', 'costDetails', 'completionStartTime'])
          expect(generation).not.toHaveProperty(absent)
      },
    },
    {
      title: 'does what the request metadata asks for, and shows the rest of it',
      options: { release: 'v2' },
      reports: [
        sampleReport({
          metadata: {
            generation_name: 'answer',
            generation_id: 'g-1',
            parent_observation_id: 'o-1',
            trace_id: 't-1',
            trace_name: 'shop',
            trace_user_id: 'ann',
            session_id: 17,
            tags: ['demo', 'beta'],
            trace_metadata: { region: 'eu' },
            trace_version: '7',
            version: '8',
            mask_input: true,
            mask_output: true,
            plan: 'pro',
          },
        }),
      ],
      check: (bodies) => {
        const [trace, generation] = eventBodies(bodies)
        expect(trace).toEqual({
          id: 't-1',
          timestamp: '2026-01-02T10:00:00.000Z',
          name: 'shop',
          userId: 'ann',
          input: 'redacted',
          output: 'redacted',
          sessionId: '17',
          release: 'v2',
          version: '7',
          metadata: { region: 'eu' },
          tags: ['demo', 'beta'],
        })
        expect(generation).toMatchObject({
          id: 'g-1',
          traceId: 't-1',
          parentObservationId: 'o-1',
          name: 'answer',
          version: '8',
          input: 'redacted',
          output: 'redacted',
        })
        expect(generation!.metadata).toEqual({ plan: 'pro', ...gatewayFacts })
      },
    },
    {
      title: 'shows that an answer was given before',
      reports: [sampleReport({ cacheHit: true })],
      check: (bodies) => {
        const [, generation] = eventBodies(bodies)
        expect(generation!.metadata).toEqual({ ...gatewayFacts, cache_hit: true })
      },
    },
    {
      title: 'adds to a trace that exists without touching it',
      reports: [sampleReport({ metadata: { existing_trace_id: 't-0' } })],
      check: (bodies) => {
        expect(eventBodies(bodies)).toEqual([expect.objectContaining({ id: 'call-1', traceId: 't-0' })])
      },
    },
    {
      title: 'updates of a trace that exists only what is asked for',
      reports: [
        sampleReport({
          metadata: {
            existing_trace_id: 't-0',
            trace_user_id: 'ann',
            update_trace_keys: ['output', 'trace_user_id', 'nonsense'],
          },
        }),
      ],
      check: (bodies) => {
        expect(eventBodies(bodies)[0]).toEqual({
          id: 't-0',
          output: { role: 'assistant', content: 'hello' },
          userId: 'ann',
        })
      },
    },
    {
      title: 'shows tools beside the messages, and nested parameters as text',
      reports: [
        sampleReport({
          input: {
            messages: input,
            tools: [{ type: 'function' }],
            response_format: { type: 'json_object' },
            stop: ['a'],
          },
        }),
      ],
      check: (bodies) => {
        expect(eventBodies(bodies)[1]).toMatchObject({
          input: { messages: input, tools: [{ type: 'function' }] },
          modelParameters: { response_format: '{"type":"json_object"}', stop: '["a"]' },
        })
        expect(eventBodies(bodies)[1]!.modelParameters).not.toHaveProperty('tools')
      },
    },
    {
      title: 'counts cached and reasoning tokens once',
      reports: [
        sampleReport({
          usage: {
            prompt_tokens: 10,
            completion_tokens: 20,
            total_tokens: 30,
            prompt_tokens_details: { cached_tokens: 4 },
            completion_tokens_details: { reasoning_tokens: 5 },
          },
        }),
      ],
      check: (bodies) => {
        expect(eventBodies(bodies)[1]).toMatchObject({
          usage: { input: 10, output: 20, total: 30 },
          usageDetails: {
            input: 6,
            input_cached_tokens: 4,
            output: 15,
            output_reasoning_tokens: 5,
            total: 30,
          },
        })
      },
    },
    {
      title: 'sends the events again that were refused for now, and no others',
      reports: [sampleReport()],
      reply: {
        status: 207,
        body: {
          successes: [],
          errors: [
            { id: uuid(1), status: 503, message: 'busy' },
            { id: uuid(2), status: 400, message: 'bad' },
          ],
        },
      },
      check: (bodies) => {
        expect(bodies.map((body) => (body as Batch).batch.map(({ id }) => id))).toEqual([[uuid(1), uuid(2)], [uuid(1)]])
      },
    },
    {
      title: 'goes where the options say, in one request',
      options: { apiBase: 'https://lf.example.test/', publicKey: 'pk-lf-3', secretKey: 'sk-lf-4' },
      reports: [sampleReport(), failedReport()],
      sent: [
        {
          url: 'https://lf.example.test/api/public/ingestion',
          headers: { authorization: `Basic ${btoa('pk-lf-3:sk-lf-4')}` },
        },
      ],
    },
  ],
})
