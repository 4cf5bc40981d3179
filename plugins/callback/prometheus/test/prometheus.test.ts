import { callbackContract, failedReport, NOW, sampleReport, stubLog } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { type PrometheusOptions, prometheus } from '../src/prometheus.ts'

const keyHash = '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b'
const whose = `end_user="None",hashed_api_key="${keyHash}",api_key_alias="dev",team="team-1",team_alias="None",user="None"`
const deployment =
  'litellm_model_name="gpt-4o-mini",model_id="dep-1",api_base="https://api.openai.com/v1",api_provider="openai"'
const key = `hashed_api_key="${keyHash}",api_key_alias="dev"`
const responses = `requested_model="small",${deployment},${key},team="team-1",team_alias="None"`
const tokens = `${whose},requested_model="small",model="gpt-4o-mini"`

/** Matches a page without any of these names. */
const lacking = (...names: readonly string[]) => new RegExp(`^(?!.*\\n(${names.join('|')}))`, 's')

function create(options: PrometheusOptions = {}) {
  const log = stubLog()
  const callback = prometheus.create(options, { env: () => undefined, fetch, now: () => NOW, uuid: () => 'uuid', log })
  const page = async () => (await callback.scrape!()).body
  return { callback, log, page }
}

callbackContract(prometheus, {
  options: {},
  wrongOptions: {
    options: { prometheusMetricsConfig: [{ metrics: 'all' }] },
    path: 'prometheusMetricsConfig.0.metrics',
  },
  isLocal: true,
  cases: [
    {
      title: 'counts a success',
      reports: [sampleReport()],
      scraped: [
        '# TYPE litellm_proxy_total_requests_metric_total counter',
        `litellm_proxy_total_requests_metric_total{${whose},requested_model="small",status_code="200",user_email="None",route="/v1/chat/completions",model_id="dep-1"} 1\n`,
        `litellm_requests_metric_total{${whose},model="gpt-4o-mini",user_email="None"} 1\n`,
        `litellm_spend_metric_total{${whose},model="gpt-4o-mini"} 0.00012\n`,
        `litellm_total_tokens_metric_total{${tokens}} 30\n`,
        `litellm_input_tokens_metric_total{${tokens}} 10\n`,
        `litellm_output_tokens_metric_total{${tokens}} 20\n`,
        `litellm_deployment_success_responses_total{${responses}} 1\n`,
        `litellm_deployment_total_requests_total{${responses}} 1\n`,
        lacking('litellm_proxy_failed_requests_metric_total', 'litellm_deployment_failure_responses_total'),
      ],
    },
    {
      title: 'measures a success',
      reports: [sampleReport()],
      scraped: [
        '# TYPE litellm_request_total_latency_metric histogram',
        `litellm_request_total_latency_metric_bucket{le="1",${tokens},model_id="dep-1"} 0\n`,
        `litellm_request_total_latency_metric_bucket{le="1.5",${tokens},model_id="dep-1"} 1\n`,
        `litellm_request_total_latency_metric_sum{${tokens},model_id="dep-1"} 1.3\n`,
        `litellm_llm_api_latency_metric_sum{${tokens}} 1.298\n`,
        `litellm_overhead_latency_metric_sum{model_group="small",api_provider="openai",api_base="https://api.openai.com/v1",litellm_model_name="gpt-4o-mini",${key}} 0.002\n`,
        `litellm_deployment_latency_per_output_token_sum{${deployment},${key},team="team-1",team_alias="None"} 0.0649\n`,
        lacking('litellm_llm_api_time_to_first_token_metric_count'),
      ],
    },
    {
      title: 'measures the first token of a stream',
      reports: [sampleReport({ stream: true })],
      scraped: [`litellm_llm_api_time_to_first_token_metric_sum{${tokens},model_id="dep-1"} 0.398\n`],
    },
    {
      title: 'counts a failure',
      reports: [failedReport()],
      scraped: [
        /litellm_proxy_total_requests_metric_total\{.*status_code="429".*\} 1\n/,
        `litellm_proxy_failed_requests_metric_total{${whose},requested_model="small",user_email="None",exception_status="429",exception_class="rate_limited",route="/v1/chat/completions",model_id="dep-1"} 1\n`,
        `litellm_deployment_failure_responses_total{${responses},exception_status="429",exception_class="rate_limited"} 1\n`,
        `litellm_deployment_total_requests_total{${responses}} 1\n`,
        lacking('litellm_requests_metric_total', 'litellm_request_total_latency_metric_count', 'litellm_spend'),
      ],
    },
    {
      title: 'blames no deployment for a failure before any was reached',
      reports: [failedReport({ deploymentId: undefined, provider: undefined, upstreamStartTime: undefined })],
      scraped: [
        /litellm_proxy_failed_requests_metric_total\{.*model_id="None"\} 1\n/,
        lacking('litellm_deployment_failure_responses_total', 'litellm_deployment_total_requests_total'),
      ],
    },
    {
      title: 'adds up',
      reports: [sampleReport(), sampleReport({ usage: undefined, cost: undefined }), sampleReport()],
      scraped: [
        `litellm_requests_metric_total{${whose},model="gpt-4o-mini",user_email="None"} 3\n`,
        `litellm_spend_metric_total{${whose},model="gpt-4o-mini"} 0.00024\n`,
        `litellm_total_tokens_metric_total{${tokens}} 60\n`,
      ],
    },
    {
      title: 'tells end users and streams apart when asked to',
      options: { enableEndUserCostTrackingPrometheusOnly: true, prometheusEmitStreamLabel: true },
      reports: [sampleReport()],
      scraped: [
        /litellm_spend_metric_total\{end_user="u-9",/,
        /litellm_proxy_total_requests_metric_total\{.*stream="False"\} 1\n/,
      ],
    },
    {
      title: 'labels by metadata and tags',
      options: {
        customPrometheusMetadataLabels: ['metadata.foo', 'metadata.a.b'],
        customPrometheusTags: ['demo', 'x-1'],
      },
      reports: [sampleReport({ metadata: { foo: 'bar', a: { b: 5 } } }), sampleReport({ metadata: { foo: {} } })],
      scraped: [
        `litellm_spend_metric_total{${whose},model="gpt-4o-mini",metadata_foo="bar",metadata_a_b="5",tag_demo="true",tag_x_1="false"} 0.00012\n`,
        /metadata_foo="None",metadata_a_b="None",tag_demo="true",tag_x_1="false"\} 0.00012\n/,
      ],
    },
    {
      title: 'counts calls that another group answered, or could not answer either',
      reports: [
        sampleReport({ attemptedFallbacks: 1, fallbackGroup: 'large' }),
        failedReport({ attemptedFallbacks: 2, fallbackGroup: 'last' }),
      ],
      scraped: [
        `litellm_deployment_successful_fallbacks_total{requested_model="small",fallback_model="large",${key},team="team-1",team_alias="None",exception_status="None",exception_class="None"} 1\n`,
        `litellm_deployment_failed_fallbacks_total{requested_model="small",fallback_model="last",${key},team="team-1",team_alias="None",exception_status="429",exception_class="rate_limited"} 1\n`,
      ],
    },
    {
      title: 'shows what is left of budgets, as the last call tells it',
      reports: [
        sampleReport({ budgets: [{ kind: 'key', id: keyHash, alias: 'dev', maxBudget: 10, spend: 2 }] }),
        failedReport({
          budgets: [
            { kind: 'key', id: keyHash, alias: 'dev', maxBudget: 10, spend: 4 },
            { kind: 'team', id: 'team-1', maxBudget: 5, spend: 6, resetsAt: NOW + 90 * 60_000 },
            { kind: 'user', id: 'ada', maxBudget: 1, spend: 0, resetsAt: NOW },
            { kind: 'organization', id: 'acme', alias: 'Acme', maxBudget: 100, spend: 1 },
            { kind: 'tag', id: 'x', maxBudget: 1, spend: 1 },
          ],
        }),
      ],
      scraped: [
        '# TYPE litellm_remaining_team_budget_metric gauge',
        `litellm_remaining_api_key_budget_metric{${key}} 6\n`,
        `litellm_api_key_max_budget_metric{${key}} 10\n`,
        'litellm_remaining_team_budget_metric{team="team-1",team_alias="None"} -1\n',
        'litellm_team_max_budget_metric{team="team-1",team_alias="None"} 5\n',
        'litellm_team_budget_remaining_hours_metric{team="team-1",team_alias="None"} 1.5\n',
        'litellm_remaining_org_budget_metric{org_id="acme",org_alias="Acme"} 99\n',
        lacking('litellm_api_key_budget_remaining_hours_metric{', 'litellm_remaining_user_budget_metric{'),
      ],
    },
    {
      title: 'shows no other gauges of budgets than the configured ones',
      options: { prometheusMetricsConfig: [{ metrics: ['litellm_team_max_budget_metric'] }] },
      reports: [
        sampleReport({
          budgets: ['key', 'team'].map((kind) => ({ kind, id: 'x', maxBudget: 1, spend: 0 })),
        }),
        failedReport(),
      ],
      scraped: [
        'litellm_team_max_budget_metric{team="x",team_alias="None"} 1\n',
        lacking('litellm_api', 'litellm_rem'),
      ],
    },
    {
      title: 'keeps to the configured metrics and labels',
      options: {
        prometheusMetricsConfig: [
          { group: 'cost', metrics: ['litellm_spend_metric'], include_labels: ['model', 'team'] },
          { metrics: ['litellm_requests_metric'] },
        ],
      },
      reports: [sampleReport()],
      scraped: [
        'litellm_spend_metric_total{team="team-1",model="gpt-4o-mini"} 0.00012\n',
        `litellm_requests_metric_total{${whose},model="gpt-4o-mini",user_email="None"} 1\n`,
        lacking('litellm_proxy', 'litellm_in_flight'),
      ],
    },
  ],
})

describe('prometheus', () => {
  it('has the buckets that dashboards expect', async () => {
    const { callback, page } = create({
      prometheusMetricsConfig: [{ metrics: ['litellm_request_total_latency_metric'] }],
    })
    void callback.success!(sampleReport())
    const bounds = [...(await page()).matchAll(/le="([^"]+)"/g)].map(([, bound]) => bound)
    expect(bounds.join(' ')).toBe(
      '0.005 0.00625 0.0125 0.025 0.05 0.1 0.5 1 1.5 2 2.5 3 3.5 4 4.5 5 5.5 6 6.5 7 7.5 8 8.5 9 9.5 10 ' +
        '15 20 25 30 60 120 180 240 300 +Inf',
    )
  })

  it('knows how many requests are under way', async () => {
    const { callback, page } = create()
    const start = (id: string) => callback.start!({ id } as Parameters<NonNullable<typeof callback.start>>[0])
    start('a')
    start('b')
    expect(await page()).toContain('litellm_in_flight_requests 2\n')
    void callback.success!(sampleReport({ id: 'a' }))
    void callback.failure!(failedReport({ id: 'a' }))
    expect(await page()).toContain('litellm_in_flight_requests 1\n')
    void callback.failure!(failedReport({ id: 'b' }))
    expect(await page()).toContain('litellm_in_flight_requests 0\n')
  })

  it('puts what would be too many series into one, and says so once', async () => {
    const { callback, log, page } = create({
      maxSeries: 2,
      prometheusMetricsConfig: [{ metrics: ['litellm_spend_metric'] }],
    })
    for (const model of ['a', 'b', 'c', 'd', 'a']) void callback.success!(sampleReport({ model, cost: 1 }))
    const lines = (await page()).split('\n').filter((line) => line.startsWith('litellm_spend'))
    expect(lines.map((line) => line.replace(/.*model="(\w+)"\}/, '$1'))).toEqual(['a 2', 'b 1', 'other 2'])
    expect(log.lines).toEqual([
      'warn: prometheus: litellm_spend_metric has 2 series; further ones are counted as "other".',
    ])
  })

  it('fills up each metric by itself', async () => {
    const { callback, page } = create({
      maxSeries: 2,
      prometheusMetricsConfig: [
        { metrics: ['litellm_proxy_total_requests_metric'], include_labels: ['route'] },
        { metrics: ['litellm_spend_metric'], include_labels: ['model'] },
      ],
    })
    for (const route of ['/a', '/b', '/c', '/d', '/a']) void callback.success!(sampleReport({ route, cost: 1 }))
    expect((await page()).split('\n').filter((line) => line.includes('{'))).toEqual([
      'litellm_proxy_total_requests_metric_total{route="/a"} 2',
      'litellm_proxy_total_requests_metric_total{route="/b"} 1',
      'litellm_proxy_total_requests_metric_total{route="other"} 2',
      'litellm_spend_metric_total{model="gpt-4o-mini"} 5',
    ])
  })

  it('shows a metric without labels before the first call', async () => {
    const { callback, page } = create({
      prometheusMetricsConfig: [
        { metrics: ['litellm_requests_metric', 'litellm_llm_api_latency_metric'], include_labels: [] },
      ],
    })
    expect(await page()).toContain('\nlitellm_requests_metric_total 0\n')
    void callback.success!(sampleReport())
    expect(await page()).toContain('\nlitellm_requests_metric_total 1\n')
    expect(await page()).toContain('\nlitellm_llm_api_latency_metric_bucket{le="+Inf"} 1\n')
  })

  it('tells labels apart wherever clients break their lines', async () => {
    const { callback, page } = create({
      prometheusMetricsConfig: [{ metrics: ['litellm_requests_metric'], include_labels: ['team', 'user'] }],
    })
    for (const caller of [
      { teamId: 'a\nb', userId: 'c' },
      { teamId: 'a', userId: 'b\nc' },
    ])
      void callback.success!(sampleReport({ caller }))
    expect(await page()).toContain('{team="a\\nb",user="c"} 1\n')
    expect(await page()).toContain('{team="a",user="b\\nc"} 1\n')
  })

  it('adds up ten thousand mixed calls as one by one', async () => {
    const latency = 'litellm_request_total_latency_metric'
    const { callback, page } = create({
      maxSeries: 20,
      prometheusMetricsConfig: [
        {
          metrics: ['litellm_proxy_total_requests_metric', 'litellm_spend_metric', latency],
          include_labels: ['model', 'team', 'status_code'],
        },
      ],
    })
    const expected = new Map<string, number>()
    const count = (series: string, amount: number) => expected.set(series, (expected.get(series) ?? 0) + amount)
    const random = sequence()
    for (let call = 0; call < 10_000; call++) {
      const [model, team] = [`m${random(4)}`, `t${random(3)}`]
      const seconds = random(800) / 2
      const seen = { model, caller: { teamId: team } }
      const isFailure = random(10) === 0
      count(`litellm_proxy_total_requests_metric_total{team="${team}",status_code="${isFailure ? 429 : 200}"}`, 1)
      if (isFailure) {
        void callback.failure!(failedReport(seen))
        continue
      }
      const cost = random(1000) / 1e6
      void callback.success!(sampleReport({ ...seen, cost, endTime: NOW + seconds * 1000 }))
      const labels = `team="${team}",model="${model}"`
      count(`litellm_spend_metric_total{${labels}}`, cost)
      for (const bound of [0.5, 1, 7.5, 60, 300])
        count(`${latency}_bucket{le="${bound}",${labels}}`, seconds <= bound ? 1 : 0)
      count(`${latency}_bucket{le="+Inf",${labels}}`, 1)
      count(`${latency}_count{${labels}}`, 1)
    }
    const shown = new Map(
      [...(await page()).matchAll(/^(\w+\{.*\}) (.+)$/gm)].map(([, series, sum]) => [series, +sum!]),
    )
    for (const [series, sum] of expected) expect([series, shown.get(series)]).toEqual([series, sum])
    expect(expected.size).toBe(6 + 12 * (1 + 5 + 1 + 1))
    expect(shown.size).toBe(6 + 12 * (1 + 36 + 1 + 1))
  })

  it('leaves out what is no number', async () => {
    const { callback, page } = create()
    void callback.success!(
      sampleReport({ usage: { prompt_tokens: -1, completion_tokens: Number.NaN, total_tokens: 30 }, cost: 2 }),
    )
    const text = await page()
    expect(text).toContain(`litellm_total_tokens_metric_total{${tokens}} 30\n`)
    expect(text).toMatch(lacking('litellm_input_tokens_metric_total', 'litellm_output_tokens_metric_total'))
  })

  it('cuts long labels', async () => {
    const { callback, page } = create()
    void callback.success!(sampleReport({ modelGroup: 'x'.repeat(5000) }))
    expect(await page()).toContain(`requested_model="${'x'.repeat(256)}"`)
  })

  it('escapes what clients write', async () => {
    const { callback, page } = create()
    void callback.success!(sampleReport({ modelGroup: 'a"b\nc\\' }))
    expect(await page()).toContain('requested_model="a\\"b\\nc\\\\"')
  })

  it('forgets the budgets that nobody spends from when there are too many', async () => {
    const { callback, page } = create({ maxSeries: 2 })
    for (const id of ['a', 'b', 'a', 'c'])
      void callback.success!(sampleReport({ budgets: [{ kind: 'team', id, maxBudget: 1, spend: 0 }] }))
    const text = await page()
    expect([...text.matchAll(/^litellm_team_max_budget_metric\{team="(\w)"/gm)].map(([, id]) => id)).toEqual(['a', 'c'])
  })

  it('warns of metrics it does not have', () => {
    const { log } = create({
      prometheusMetricsConfig: [{ metrics: ['litellm_redis_latency', 'litellm_spend_metric'] }],
    })
    expect(log.lines).toEqual(['warn: prometheus: metrics that are not available: litellm_redis_latency.'])
  })

  it('says what kind of page it is', async () => {
    const { callback } = create()
    expect((await callback.scrape!()).contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  })

  it('keeps instances apart', async () => {
    const [first, second] = [create(), create()]
    void first.callback.success!(sampleReport())
    expect(await second.page()).not.toContain('litellm_requests_metric_total{')
  })
})

/** Whole numbers below a bound, the same at every run. */
function sequence(): (below: number) => number {
  let state = 1
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}
