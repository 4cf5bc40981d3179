import type { AgentSpan } from '@tianjillm/agent'
import type { JsonObject } from '@tianjillm/core'
import { fakeUpstream, NOW, stubHost, stubLog } from '@tianjillm/testing'
import { expect, onTestFinished, test } from 'vitest'
import { spanExporter } from '../src/agent/export-spans.ts'
import { MASTER_KEY, startGateway } from './support.ts'
import { model } from './tool-scripts.ts'

const span: AgentSpan = {
  ...{
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    parentSpanId: undefined,
    name: 'chat m',
    kind: 'client' as const,
  },
  ...{ startTime: NOW, endTime: NOW + 1.5, isError: true },
  attributes: { 'gen_ai.request.model': 'm', 'gen_ai.usage.input_tokens': 7, 'error.type': 'rate_limited' },
}

async function collector() {
  const upstream = await fakeUpstream()
  onTestFinished(() => upstream.close())
  return upstream
}

test('each query is a trace at the collector of the environment', async () => {
  const [vendor, telemetry] = await Promise.all([collector(), collector()])
  vendor.script(model({ says: 'Four.' }))
  telemetry.script({ body: {} })
  const gateway = await startGateway(`
general_settings: {master_key: ${MASTER_KEY}}
environment_variables:
  OTEL_EXPORTER_OTLP_ENDPOINT: ${telemetry.url}/
  OTEL_EXPORTER_OTLP_HEADERS: "x-team=blue%20one,authorization=Bearer of-the-collector"
  OTEL_SERVICE_NAME: answers
model_list: [{model_name: gpt, litellm_params: {model: openai/gpt-4o, api_base: ${vendor.url}, api_key: any}}]`)
  onTestFinished(() => gateway.stop(1_000))
  const answer = await fetch(`${gateway.url}/api/query`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${MASTER_KEY}` },
    body: JSON.stringify({ content: 'What is 2 + 2?' }),
  })
  expect(await answer.json()).toMatchObject({ content: 'Four.' })
  await expect.poll(() => telemetry.arrived.length).toBe(1)
  const [{ path, headers, text }] = telemetry.arrived as [(typeof telemetry.arrived)[number]]
  expect(path).toBe('/v1/traces')
  expect(headers).toMatchObject({ 'x-team': 'blue one', authorization: 'Bearer of-the-collector' })
  const [{ resource, scopeSpans }] = JSON.parse(text).resourceSpans
  expect(resource.attributes).toEqual([{ key: 'service.name', value: { stringValue: 'answers' } }])
  const spans = scopeSpans[0].spans as readonly JsonObject[]
  expect(spans.map(({ name }) => name)).toEqual(['invoke_agent tianji', 'chat gpt-4o'])
  expect(spans[1]).toMatchObject({ parentSpanId: spans[0]!.spanId, traceId: spans[0]!.traceId, status: { code: 0 } })
  expect(text).not.toContain('2 + 2')
})

test('a span has the times, kinds and values of the wire', async () => {
  const telemetry = await collector()
  telemetry.script({ body: {} })
  const host = stubHost(telemetry, { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${telemetry.url}/traces` })
  await spanExporter(host, '1')!([span])
  const [{ path, text }] = telemetry.arrived as [(typeof telemetry.arrived)[number]]
  expect(path).toBe('/traces')
  expect(JSON.parse(text).resourceSpans[0].scopeSpans[0].spans).toEqual([
    {
      ...{ traceId: span.traceId, spanId: span.spanId, name: 'chat m', kind: 3, status: { code: 2 } },
      startTimeUnixNano: `${NOW}000000`,
      endTimeUnixNano: `${NOW + 1}500000`,
      attributes: [
        { key: 'gen_ai.request.model', value: { stringValue: 'm' } },
        { key: 'gen_ai.usage.input_tokens', value: { intValue: '7' } },
        { key: 'error.type', value: { stringValue: 'rate_limited' } },
      ],
    },
  ])
})

test('a collector that fails is one warning, without its address', async () => {
  const telemetry = await collector()
  telemetry.script({ status: 503, body: 'no' })
  const log = stubLog()
  const host = stubHost(telemetry, { OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.url })
  const hand = spanExporter({ ...host, log }, '1')!
  await hand([span])
  await hand([span])
  expect(log.lines).toEqual(['warn: Traces of queries cannot be handed to the collector: it answers 503.'])
})

test('without a collector there is nothing to hand over', async () => {
  const telemetry = await collector()
  for (const env of [{}, { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' }])
    expect(spanExporter(stubHost(telemetry, env), '1')).toBeUndefined()
})
