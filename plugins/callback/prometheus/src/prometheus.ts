import type { BudgetState, CallbackPlugin, CallReport, Log } from '@tianjillm/core'
import { defineCallback, isJsonObject } from '@tianjillm/core'
import type { Metric as PromMetric, Registry } from 'prom-client'
// @ts-expect-error: only the index has types, and it loads OpenTelemetry too, for metrics of the process.
import PromRegistry from 'prom-client/lib/registry.js'
import * as v from 'valibot'

/** Options of the Prometheus callback, named as in `litellm_settings`. */
export interface PrometheusOptions {
  /** Only these metrics, with only these labels. Default: all metrics, all labels. */
  readonly prometheusMetricsConfig?:
    | readonly {
        readonly group?: string | undefined
        /** Names without `_total`. */
        readonly metrics: readonly string[]
        readonly include_labels?: readonly string[] | undefined
      }[]
    | undefined
  /** Fields of a request's metadata to label by: `metadata.team.name` becomes `metadata_team_name`. */
  readonly customPrometheusMetadataLabels?: readonly string[] | undefined
  /** Tags of requests to label by: `prod` becomes `tag_prod`, `true` or `false`. */
  readonly customPrometheusTags?: readonly string[] | undefined
  /** Fill the label `end_user`. Default false: end users are many. */
  readonly enableEndUserCostTrackingPrometheusOnly?: boolean | undefined
  /** Add the label `stream` to `litellm_proxy_total_requests_metric`. Default false. */
  readonly prometheusEmitStreamLabel?: boolean | undefined
  /** Series of one metric; what comes later is counted in one series labelled `other`. Default 10,000. */
  readonly maxSeries?: number | undefined
}

type LabelValue = (report: CallReport) => unknown

/** How each label is read from a report. */
const labelValues = {
  api_base: (report) => report.apiBase,
  api_key_alias: ({ caller }) => caller.keyAlias,
  api_provider: (report) => report.provider,
  end_user: ({ caller }) => caller.endUserId,
  exception_class: ({ error }) => error?.kind,
  exception_status: ({ error }) => error?.status,
  hashed_api_key: ({ caller }) => caller.keyHash,
  fallback_model: (report) => report.fallbackGroup,
  litellm_model_name: (report) => report.model,
  model: (report) => report.model,
  model_group: (report) => report.modelGroup,
  model_id: (report) => report.deploymentId,
  requested_model: (report) => report.modelGroup,
  route: (report) => report.route,
  status_code: (report) => report.httpStatus,
  // Written as Python writes it, for dashboards made for LiteLLM.
  stream: (report) => (report.stream ? 'True' : 'False'),
  team: ({ caller }) => caller.teamId,
  team_alias: ({ caller }) => caller.teamAlias,
  user: ({ caller }) => caller.userId,
  user_email: ({ caller }) => caller.userEmail,
} satisfies Record<string, LabelValue>

type Label = keyof typeof labelValues

/** What one call adds; undefined when it does not count. */
type Measure = (report: CallReport) => number | undefined

type Facts = readonly [help: string, labels: readonly Label[], measure: Measure]

const key = ['hashed_api_key', 'api_key_alias'] as const
const team = ['team', 'team_alias'] as const
const whose = ['end_user', ...key, ...team, 'user'] as const
const deployment = ['litellm_model_name', 'model_id', 'api_base', 'api_provider'] as const
const exception = ['exception_status', 'exception_class'] as const
const tokens = [...whose, 'requested_model', 'model'] as const
const timed = [...tokens, 'model_id'] as const
const overhead = ['model_group', 'api_provider', 'api_base', 'litellm_model_name', ...key] as const
const fallback = ['requested_model', 'fallback_model', ...key, ...team, ...exception] as const
const responses = ['requested_model', ...deployment, ...key, ...team] as const
const requests = [...whose, 'requested_model', 'status_code', 'user_email', 'route', 'model_id'] as const
const failures = [...whose, 'requested_model', 'user_email', ...exception, 'route', 'model_id'] as const

const succeeds: Measure = ({ status }) => (status === 'success' ? 1 : undefined)
const fails: Measure = ({ status }) => (status === 'failure' ? 1 : undefined)
const fellBack: Measure = ({ attemptedFallbacks }) => (attemptedFallbacks > 0 ? 1 : undefined)
const reached: Measure = ({ deploymentId, provider }) => ((deploymentId ?? provider) === undefined ? undefined : 1)
const firstToken = took('upstreamStartTime', 'firstTokenTime')
const vendorTime = took('upstreamStartTime', 'endTime')

/** All counters under LiteLLM's names. https://docs.litellm.ai/docs/proxy/prometheus */
const counters: Readonly<Record<string, Facts>> = {
  litellm_proxy_total_requests_metric: ['Requests to the gateway, failed ones among them.', requests, () => 1],
  litellm_proxy_failed_requests_metric: ['Requests that the gateway answered with an error.', failures, fails],
  litellm_requests_metric: ['Successful calls of models.', [...whose, 'model', 'user_email'], succeeds],
  litellm_spend_metric: ['Spend in US dollars.', [...whose, 'model'], ({ cost }) => cost],
  litellm_total_tokens_metric: ['Tokens in and out.', tokens, ({ usage }) => usage?.total_tokens],
  litellm_input_tokens_metric: ['Tokens in.', tokens, ({ usage }) => usage?.prompt_tokens],
  litellm_output_tokens_metric: ['Tokens out.', tokens, ({ usage }) => usage?.completion_tokens],
  litellm_deployment_success_responses: ['Answers of a deployment.', responses, both(succeeds, reached)],
  litellm_deployment_failure_responses: ['Failures of it.', [...responses, ...exception], both(fails, reached)],
  litellm_deployment_total_requests: ['Calls of a deployment, failed ones among them.', responses, reached],
  litellm_deployment_successful_fallbacks: ['Calls another group answered.', fallback, both(succeeds, fellBack)],
  litellm_deployment_failed_fallbacks: ['Calls others could not answer either.', fallback, both(fails, fellBack)],
}

/** All histograms, likewise; in seconds. */
const histograms: Readonly<Record<string, Facts>> = {
  litellm_request_total_latency_metric: ['Seconds to the end of the answer.', timed, took('startTime', 'endTime')],
  litellm_llm_api_latency_metric: ['Seconds the vendor took.', tokens, vendorTime],
  litellm_llm_api_time_to_first_token_metric: [
    'Seconds from the request to the vendor to the first piece of a stream.',
    timed,
    (report) => (report.stream ? firstToken(report) : undefined),
  ],
  litellm_overhead_latency_metric: ['Seconds before the vendor.', overhead, took('startTime', 'upstreamStartTime')],
  litellm_deployment_latency_per_output_token: [
    'Seconds the vendor took for each token out.',
    [...deployment, ...key, ...team],
    (report) => {
      const [latency, completion] = [vendorTime(report), report.usage?.completion_tokens]
      return latency !== undefined && completion ? latency / completion : undefined
    },
  ],
}

interface MetricFacts {
  readonly name: string
  readonly type: 'counter' | 'histogram'
  readonly facts: Facts
}

const metrics: readonly MetricFacts[] = [...named('counter', counters), ...named('histogram', histograms)]

const IN_FLIGHT = 'litellm_in_flight_requests'

/** Upper bounds of the buckets, in seconds. */
const bounds = [
  ...[0.005, 0.00625, 0.0125, 0.025, 0.05, 0.1, 0.5],
  ...Array.from({ length: 19 }, (_, index) => 1 + index / 2),
  ...[15, 20, 25, 30, 60, 120, 180, 240, 300, Number.POSITIVE_INFINITY],
]

const LONGEST_LABEL = 256

/** Metrics of every call, to be scraped by Prometheus, under LiteLLM's names. https://prometheus.io/docs */
export const prometheus: CallbackPlugin<PrometheusOptions> = defineCallback({
  name: 'prometheus',
  title: 'Prometheus',
  docs: 'https://prometheus.io/docs',
  options: v.object({
    prometheusMetricsConfig: v.optional(
      v.array(
        v.object({
          group: v.optional(v.string()),
          metrics: v.array(v.string()),
          include_labels: v.optional(v.array(v.string())),
        }),
      ),
    ),
    customPrometheusMetadataLabels: v.optional(v.array(v.string())),
    customPrometheusTags: v.optional(v.array(v.string())),
    enableEndUserCostTrackingPrometheusOnly: v.optional(v.boolean()),
    prometheusEmitStreamLabel: v.optional(v.boolean()),
    maxSeries: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
  }),
  create: (options: PrometheusOptions, host) => {
    const registry: Registry = new PromRegistry()
    const wanted = wantedMetrics(options, host.log)
    const limit = options.maxSeries ?? 10_000
    const kept = metrics
      .filter(({ name }) => wanted(name))
      .map((metric) => createMetric(metric, labelsOf(metric, wanted(metric.name), options), limit, host.log))
    for (const metric of kept) expose(metric, registry)
    // A set of calls, so that one told of twice, or never begun, cannot put the gauge wrong.
    const running = new Set<string>()
    const inFlight = () => [{ labels: {}, value: running.size }]
    if (wanted(IN_FLIGHT)) register(IN_FLIGHT, { help: 'Requests under way.', type: 'gauge' }, inFlight, registry)
    const count = createCount(kept, limit)
    const showBudgets = createBudgetGauges(wanted, limit, () => host.now(), registry)
    const record = (report: CallReport) => {
      running.delete(report.id)
      count(report)
      if (report.budgets !== undefined) showBudgets(report.budgets)
    }
    return {
      start: (call) => {
        running.add(call.id)
      },
      success: record,
      failure: record,
      scrape: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    }
  },
})

/** Which labels of a metric are wanted; undefined when the metric itself is not. */
type Wanted = (metric: string) => ((label: string) => boolean) | undefined

function wantedMetrics({ prometheusMetricsConfig: groups }: PrometheusOptions, log: Log): Wanted {
  if (groups === undefined) return () => () => true
  const known = new Set([IN_FLIGHT, ...[...metrics, ...budgetMetrics].map(({ name }) => name)])
  const unknown = groups.flatMap((group) => group.metrics).filter((name) => !known.has(name))
  if (unknown.length > 0) log.warn(`prometheus: metrics that are not available: ${unknown.join(', ')}.`)
  return (metric) => {
    const own = groups.filter((group) => group.metrics.includes(metric))
    if (own.length === 0) return undefined
    return (label) => own.some(({ include_labels }) => include_labels?.includes(label) ?? true)
  }
}

function labelsOf(
  { name, facts: [, labels] }: MetricFacts,
  isWanted: ReturnType<Wanted>,
  options: PrometheusOptions,
): ReadonlyMap<string, LabelValue> {
  const withStream = options.prometheusEmitStreamLabel && name === 'litellm_proxy_total_requests_metric'
  const own: readonly Label[] = withStream ? [...labels, 'stream'] : labels
  const values = new Map<string, LabelValue>(own.map((label) => [label, labelValues[label]]))
  if (!options.enableEndUserCostTrackingPrometheusOnly && values.has('end_user'))
    values.set('end_user', () => undefined)
  for (const path of options.customPrometheusMetadataLabels ?? []) {
    const field = path.replace(/^metadata\./, '')
    values.set(labelName(`metadata_${field}`), metadataValue(field))
  }
  for (const tag of options.customPrometheusTags ?? [])
    values.set(labelName(`tag_${tag}`), ({ tags }) => tags.includes(tag))
  return new Map([...values].filter(([label]) => isWanted?.(label)))
}

function labelName(text: string): string {
  return text.replace(/\W/g, '_')
}

/** Reads `team.name` from a request's metadata. */
function metadataValue(path: string): LabelValue {
  const fields = path.split('.')
  return ({ metadata }) => {
    const found = fields.reduce<unknown>((value, field) => (isJsonObject(value) ? value[field] : undefined), metadata)
    return typeof found === 'object' ? undefined : found
  }
}

/** What one metric adds up under the same labels. */
interface Series {
  readonly labels: Readonly<Record<string, string>>
  sum: number
  /** How many fell into each bucket; empty for a counter. */
  readonly counts: number[]
}

interface Metric extends MetricFacts {
  readonly labels: ReadonlyMap<string, LabelValue>
  readonly series: ReadonlyMap<string, Series>
  /** The series a report belongs to, a new one if need be. */
  seriesOf(report: CallReport): Series
}

/** Prometheus keeps every series, and clients choose some labels: beyond the limit all labels become `other`. */
function createMetric(metric: MetricFacts, labels: Metric['labels'], limit: number, log: Log): Metric {
  const series = new Map<string, Series>()
  const open = (key: string) => {
    const counts = metric.type === 'histogram' ? bounds.map(() => 0) : []
    // The key's own copy of the labels: text cut from a client's megabyte would keep the megabyte in memory.
    const fresh: Series = { labels: JSON.parse(key), sum: 0, counts }
    series.set(key, fresh)
    return fresh
  }
  const keyOf = (textOf: (read: LabelValue) => string) =>
    JSON.stringify(Object.fromEntries([...labels].map(([label, read]) => [label, textOf(read)])))
  const other = keyOf(() => 'other')
  // Without labels there is but one series, shown as 0 before the first call.
  if (labels.size === 0) open(other)
  let isFull = false
  const seriesOf = (report: CallReport) => {
    const key = keyOf((read) => labelText(read(report)))
    if (series.has(key) || series.size < limit) return series.get(key) ?? open(key)
    if (!isFull) log.warn(`prometheus: ${metric.name} has ${limit} series; further ones are counted as "other".`)
    isFull = true
    return series.get(other) ?? open(other)
  }
  return { ...metric, labels, series, seriesOf }
}

/** Runs at every request: one key of all labels finds the series of all metrics, in the order of the metrics. */
function createCount(all: readonly Metric[], limit: number): (report: CallReport) => void {
  const readers = [...new Map(all.flatMap(({ labels }) => [...labels])).values()]
  const remembered = new Map<string, Series[]>()
  const recall = (report: CallReport) => {
    const key = JSON.stringify(readers.map((read) => labelText(read(report))))
    const found = remembered.get(key)
    if (found) return found
    // Costs only time: the metrics find their series again.
    if (remembered.size >= limit) remembered.clear()
    const fresh: Series[] = []
    remembered.set(key, fresh)
    return fresh
  }
  return (report) => {
    const series = recall(report)
    for (const [index, { facts, seriesOf }] of all.entries()) {
      const [, , measure] = facts
      const amount = measure(report)
      // Token counts are the vendor's word: one that is no number must not spoil the other metrics.
      if (amount === undefined || !Number.isFinite(amount) || amount < 0) continue
      series[index] ??= seriesOf(report)
      add(series[index], amount)
    }
  }
}

function add(series: Series, amount: number): void {
  series.sum += amount
  if (series.counts.length > 0) series.counts[bounds.findIndex((bound) => amount <= bound)]! += 1
}

function expose({ name, type, facts: [help], series }: Metric, registry: Registry): void {
  // Python's client appends `_total` by itself.
  const fullName = type === 'counter' ? `${name}_total` : name
  const values = () => [...series.values()].flatMap((one) => samples[type](fullName, one))
  register(fullName, { help, type }, values, registry)
}

function register(name: string, facts: object, values: () => readonly object[], registry: Registry): void {
  const get = async () => ({ name, ...facts, values: values(), aggregator: 'sum' })
  // Typed as one of prom-client's classes, though the registry asks no more of a metric than this.
  registry.registerMetric({ name, get } as unknown as PromMetric)
}

/** The lines of a series; the registry writes `sharedLabels` out only once for all of them. */
const samples: Readonly<Record<MetricFacts['type'], (name: string, series: Series) => readonly object[]>> = {
  counter: (_, { labels, sum }) => [{ labels, value: sum }],
  histogram: (name, { labels: sharedLabels, sum, counts }) => {
    let count = 0
    const upTo = bounds.map((bound, index) => {
      count += counts[index]!
      const le = Number.isFinite(bound) ? bound : '+Inf'
      return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count }
    })
    const total = (kind: string, value: number) => ({ metricName: `${name}_${kind}`, labels: {}, sharedLabels, value })
    return [...upTo, total('sum', sum), total('count', count)]
  },
}

/** What LiteLLM calls those who have budgets, and the labels that name them. */
const holders: Readonly<Record<string, { readonly noun: string; readonly id: string; readonly alias?: string }>> = {
  key: { noun: 'api_key', id: 'hashed_api_key', alias: 'api_key_alias' },
  team: { noun: 'team', id: 'team', alias: 'team_alias' },
  user: { noun: 'user', id: 'user' },
  organization: { noun: 'org', id: 'org_id', alias: 'org_alias' },
}

const HOUR = 3_600_000

/** Gauges of a budget by their names, in which `*` stands for whose it is. */
const gauges: Readonly<Record<string, (budget: BudgetState, now: number) => number | undefined>> = {
  'litellm_remaining_*_budget_metric': ({ maxBudget, spend }) => maxBudget - spend,
  'litellm_*_max_budget_metric': ({ maxBudget }) => maxBudget,
  'litellm_*_budget_remaining_hours_metric': ({ resetsAt }, now) => resetsAt && (resetsAt - now) / HOUR,
}

const budgetMetrics = Object.entries(holders).flatMap(([kind, { noun, id, alias }]) =>
  Object.entries(gauges).map(([name, read]) => ({ name: name.replace('*', noun), kind, id, alias, read })),
)

/** Shows each budget as the last call left it, until it begins anew; those not spent from for longest make room. */
function createBudgetGauges(wanted: Wanted, limit: number, now: () => number, registry: Registry) {
  const known = new Map(Object.keys(holders).map((kind) => [kind, new Map<string, BudgetState>()]))
  for (const { name, kind, id, alias, read } of budgetMetrics.filter((one) => wanted(one.name))) {
    const samples = () =>
      [...known.get(kind)!.values()].flatMap((budget) => {
        const value = read(budget, now())
        if (value === undefined || (budget.resetsAt ?? Infinity) <= now()) return []
        return { labels: { [id]: labelText(budget.id), ...(alias && { [alias]: labelText(budget.alias) }) }, value }
      })
    register(name, { help: 'US dollars, or hours, of a budget.', type: 'gauge' }, samples, registry)
  }
  return (budgets: readonly BudgetState[]) => {
    for (const budget of budgets) {
      const ofKind = known.get(budget.kind)
      ofKind?.delete(budget.id)
      ofKind?.set(budget.id, budget)
      if (ofKind && ofKind.size > limit) ofKind.delete(ofKind.keys().next().value!)
    }
  }
}

function labelText(value: unknown): string {
  return value === undefined || value === null ? 'None' : String(value).slice(0, LONGEST_LABEL)
}

function named(type: MetricFacts['type'], table: Readonly<Record<string, Facts>>): readonly MetricFacts[] {
  return Object.entries(table).map(([name, facts]) => ({ name, type, facts }))
}

type Time = 'startTime' | 'upstreamStartTime' | 'firstTokenTime' | 'endTime'

/** Seconds between two times of a successful call. */
function took(from: Time, to: Time): Measure {
  return ({ status, [from]: start, [to]: end }) =>
    status === 'failure' || start === undefined || end === undefined ? undefined : Math.max(0, end - start) / 1000
}

function both(one: Measure, other: Measure): Measure {
  return (report) => one(report) && other(report)
}
