import { type CallbackPlugin, type CallReport, defineCallback, isJsonObject, type Log } from '@tianjillm/core'
import { Gauge, type Metric as PromMetric, Registry } from 'prom-client'
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

type Labels = Readonly<Record<string, string>>
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

interface MetricFacts {
  readonly type: 'counter' | 'histogram'
  readonly help: string
  readonly labels: readonly Label[]
  /** What one call adds; undefined when it does not count here. */
  measure(report: CallReport): number | undefined
}

const key = ['hashed_api_key', 'api_key_alias'] as const
const team = ['team', 'team_alias'] as const
const whose = ['end_user', ...key, ...team, 'user'] as const
const deployment = ['litellm_model_name', 'model_id', 'api_base', 'api_provider'] as const
const exception = ['exception_status', 'exception_class'] as const
const tokens = [...whose, 'requested_model', 'model'] as const
const responses = ['requested_model', ...deployment, ...key, ...team] as const

/** All metrics under LiteLLM's names. https://docs.litellm.ai/docs/proxy/prometheus */
const metrics: Readonly<Record<string, MetricFacts>> = {
  litellm_proxy_total_requests_metric: {
    type: 'counter',
    help: 'Requests to the gateway, failed ones among them.',
    labels: [...whose, 'requested_model', 'status_code', 'user_email', 'route', 'model_id'],
    measure: () => 1,
  },
  litellm_proxy_failed_requests_metric: {
    type: 'counter',
    help: 'Requests that the gateway answered with an error.',
    labels: [...whose, 'requested_model', 'user_email', ...exception, 'route', 'model_id'],
    measure: ({ status }) => (status === 'failure' ? 1 : undefined),
  },
  litellm_requests_metric: {
    type: 'counter',
    help: 'Successful calls of models.',
    labels: [...whose, 'model', 'user_email'],
    measure: ({ status }) => (status === 'success' ? 1 : undefined),
  },
  litellm_spend_metric: {
    type: 'counter',
    help: 'Spend in US dollars.',
    labels: [...whose, 'model'],
    measure: ({ cost }) => cost,
  },
  litellm_total_tokens_metric: {
    type: 'counter',
    help: 'Tokens in and out.',
    labels: tokens,
    measure: ({ usage }) => usage?.total_tokens,
  },
  litellm_input_tokens_metric: {
    type: 'counter',
    help: 'Tokens in.',
    labels: tokens,
    measure: ({ usage }) => usage?.prompt_tokens,
  },
  litellm_output_tokens_metric: {
    type: 'counter',
    help: 'Tokens out.',
    labels: tokens,
    measure: ({ usage }) => usage?.completion_tokens,
  },
  litellm_request_total_latency_metric: {
    type: 'histogram',
    help: 'Seconds from the request to the end of the answer.',
    labels: [...tokens, 'model_id'],
    measure: (report) => ifSuccessful(report, report.startTime, report.endTime),
  },
  litellm_llm_api_latency_metric: {
    type: 'histogram',
    help: 'Seconds the vendor took.',
    labels: tokens,
    measure: (report) => ifSuccessful(report, report.upstreamStartTime, report.endTime),
  },
  litellm_llm_api_time_to_first_token_metric: {
    type: 'histogram',
    help: 'Seconds from the request to the vendor to the first piece of a stream.',
    labels: [...tokens, 'model_id'],
    measure: (report) =>
      report.stream ? ifSuccessful(report, report.upstreamStartTime, report.firstTokenTime) : undefined,
  },
  litellm_overhead_latency_metric: {
    type: 'histogram',
    help: 'Seconds the gateway took before the request to the vendor left.',
    labels: ['model_group', 'api_provider', 'api_base', 'litellm_model_name', ...key],
    measure: (report) => ifSuccessful(report, report.startTime, report.upstreamStartTime),
  },
  litellm_deployment_success_responses: {
    type: 'counter',
    help: 'Successful answers of a deployment.',
    labels: responses,
    measure: (report) => (report.status === 'success' ? ofDeployment(report) : undefined),
  },
  litellm_deployment_failure_responses: {
    type: 'counter',
    help: 'Failures of a deployment.',
    labels: [...responses, ...exception],
    measure: (report) => (report.status === 'failure' ? ofDeployment(report) : undefined),
  },
  litellm_deployment_total_requests: {
    type: 'counter',
    help: 'Calls of a deployment, failed ones among them.',
    labels: responses,
    measure: ofDeployment,
  },
  litellm_deployment_latency_per_output_token: {
    type: 'histogram',
    help: 'Seconds the vendor took for each token out.',
    labels: [...deployment, ...key, ...team],
    measure: (report) => {
      const latency = ifSuccessful(report, report.upstreamStartTime, report.endTime)
      const completion = report.usage?.completion_tokens
      return latency !== undefined && completion ? latency / completion : undefined
    },
  },
}

const IN_FLIGHT = 'litellm_in_flight_requests'

/** Upper bounds of the buckets, in seconds. */
const bounds = [
  ...[0.005, 0.00625, 0.0125, 0.025, 0.05, 0.1, 0.5],
  ...Array.from({ length: 19 }, (_, index) => 1 + index / 2),
  ...[15, 20, 25, 30, 60, 120, 180, 240, 300],
  Number.POSITIVE_INFINITY,
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
    const registry = new Registry()
    const wanted = wantedMetrics(options, host.log)
    const limit = options.maxSeries ?? 10_000
    const kept = Object.entries(metrics)
      .filter(([name]) => wanted(name))
      .map(([name, facts]) => createMetric(name, facts, labelsOf(name, facts, wanted(name), options), limit, host.log))
    for (const metric of kept) registerMetric(metric, registry)
    const running = new Set<string>()
    if (wanted(IN_FLIGHT)) inFlightGauge(running, registry)
    const count = counter(kept, limit)
    const record = (report: CallReport) => {
      running.delete(report.id)
      count(report)
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
  const unknown = groups
    .flatMap((group) => group.metrics)
    .filter((name) => !Object.hasOwn(metrics, name) && name !== IN_FLIGHT)
  if (unknown.length > 0) log.warn(`prometheus: metrics that are not available: ${unknown.join(', ')}.`)
  return (metric) => {
    const own = groups.filter((group) => group.metrics.includes(metric))
    if (own.length === 0) return undefined
    return (label) => own.some(({ include_labels }) => include_labels?.includes(label) ?? true)
  }
}

function labelsOf(
  metric: string,
  facts: MetricFacts,
  isWanted: ReturnType<Wanted>,
  options: PrometheusOptions,
): ReadonlyMap<string, LabelValue> {
  const withStream = options.prometheusEmitStreamLabel && metric === 'litellm_proxy_total_requests_metric'
  const own: readonly Label[] = withStream ? [...facts.labels, 'stream'] : facts.labels
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

/** What a metric adds up under the same labels. */
interface Series {
  add(amount: number): void
  samples(): readonly Sample[]
}

/** One line of the page. */
interface Sample {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  /** Labels of many lines, which the registry writes out only once. */
  readonly sharedLabels: Labels
  readonly value: number
}

interface Metric {
  readonly name: string
  readonly facts: MetricFacts
  readonly labels: ReadonlyMap<string, LabelValue>
  readonly series: ReadonlyMap<string, Series>
  /** The series a report belongs to, opened when there is none. */
  seriesOf(report: CallReport): Series
}

/** Prometheus keeps every series, and clients choose some labels: beyond the limit all labels become `other`. */
function createMetric(
  plainName: string,
  facts: MetricFacts,
  labels: ReadonlyMap<string, LabelValue>,
  limit: number,
  log: Log,
): Metric {
  // Python's client appends `_total` by itself.
  const name = facts.type === 'counter' ? `${plainName}_total` : plainName
  const series = new Map<string, Series>()
  const open = (key: string) => {
    // Parsed, for the text cut off a client's megabyte would keep all of it in memory.
    const fresh = createSeries[facts.type](name, JSON.parse(key))
    series.set(key, fresh)
    return fresh
  }
  const keyOf = (valueOf: (read: LabelValue) => string) =>
    JSON.stringify(Object.fromEntries([...labels].map(([label, read]) => [label, valueOf(read)])))
  const other = keyOf(() => 'other')
  let isFull = false
  // A series without labels is there from the start, so that a rate can be seen from its first call on.
  if (labels.size === 0) open(other)
  const seriesOf = (report: CallReport) => {
    const key = keyOf((read) => labelText(read(report)))
    const found = series.get(key)
    if (found) return found
    if (series.size < limit) return open(key)
    if (!isFull) log.warn(`prometheus: ${plainName} has ${limit} series; further ones are counted as "other".`)
    isFull = true
    return series.get(other) ?? open(other)
  }
  return { name, facts, labels, series, seriesOf }
}

const createSeries: Readonly<Record<MetricFacts['type'], (name: string, labels: Labels) => Series>> = {
  counter: (metricName, sharedLabels) => {
    let value = 0
    return {
      add: (amount) => {
        value += amount
      },
      samples: () => [{ metricName, labels: {}, sharedLabels, value }],
    }
  },
  histogram: (name, sharedLabels) => {
    const counts = bounds.map(() => 0)
    let sum = 0
    return {
      add: (amount) => {
        counts[bounds.findIndex((bound) => amount <= bound)]! += 1
        sum += amount
      },
      samples: () => {
        let count = 0
        const upTo = bounds.map((bound, index) => {
          count += counts[index]!
          const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : bound
          return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count }
        })
        return [
          ...upTo,
          { metricName: `${name}_sum`, labels: {}, sharedLabels, value: sum },
          { metricName: `${name}_count`, labels: {}, sharedLabels, value: count },
        ]
      },
    }
  },
}

function registerMetric({ name, facts: { help, type }, series }: Metric, registry: Registry): void {
  const get = async () => ({
    ...{ name, help, type, aggregator: 'sum' },
    values: [...series.values()].flatMap((one) => one.samples()),
  })
  // Typed as prom-client's own classes, yet the registry asks no more of a metric than this.
  registry.registerMetric({ name, get } as unknown as PromMetric)
}

/**
 * Counts a report in all metrics. This runs for every request, so the series of all metrics are remembered together
 * under one key: the values of all labels.
 */
function counter(all: readonly Metric[], limit: number): (report: CallReport) => void {
  const readers = [...new Map(all.flatMap(({ labels }) => [...labels])).values()]
  const remembered = new Map<string, Series[]>()
  const recall = (report: CallReport) => {
    const key = JSON.stringify(readers.map((read) => labelText(read(report))))
    const found = remembered.get(key)
    if (found) return found
    if (remembered.size >= limit) remembered.clear()
    const fresh: Series[] = []
    remembered.set(key, fresh)
    return fresh
  }
  return (report) => {
    const series = recall(report)
    for (const [index, { facts, seriesOf }] of all.entries()) {
      const amount = facts.measure(report)
      // Token counts are the vendor's word: one that is no number must not spoil the other metrics.
      if (amount === undefined || !Number.isFinite(amount) || amount < 0) continue
      series[index] ??= seriesOf(report)
      series[index].add(amount)
    }
  }
}

/** A set of calls, so that one told of twice, or never begun, cannot put the gauge wrong. */
function inFlightGauge(running: ReadonlySet<string>, registry: Registry): void {
  new Gauge({
    name: IN_FLIGHT,
    help: 'Requests under way.',
    registers: [registry],
    collect() {
      this.set(running.size)
    },
  })
}

function labelText(value: unknown): string {
  return value === undefined || value === null ? 'None' : String(value).slice(0, LONGEST_LABEL)
}

/** Seconds between two times of a successful call. */
function ifSuccessful(report: CallReport, from: number | undefined, to: number | undefined): number | undefined {
  if (report.status === 'failure' || from === undefined || to === undefined) return undefined
  return Math.max(0, to - from) / 1000
}

function ofDeployment({ deploymentId, provider }: CallReport): number | undefined {
  return deploymentId === undefined && provider === undefined ? undefined : 1
}
