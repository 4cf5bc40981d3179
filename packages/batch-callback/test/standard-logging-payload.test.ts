import { failedReport, NOW, sampleReport } from '@tianjillm/testing'
import { describe, expect, it } from 'vitest'
import { standardLoggingPayload } from '../src/index.ts'

const keyHash = '88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b'

describe('standardLoggingPayload', () => {
  it('tells everything of a success', () => {
    expect(standardLoggingPayload(sampleReport({ metadata: { plan: 'pro' } }))).toEqual({
      id: 'chatcmpl-1',
      trace_id: 'trace-1',
      call_id: 'call-1',
      call_type: 'acompletion',
      stream: false,
      response_cost: 0.00012,
      cost_breakdown: { total_cost: 0.00012 },
      response_cost_failure_debug_info: null,
      status: 'success',
      status_fields: { llm_api_status: 'success', guardrail_status: 'not_run' },
      custom_llm_provider: 'openai',
      total_tokens: 30,
      prompt_tokens: 10,
      completion_tokens: 20,
      startTime: NOW / 1000,
      endTime: NOW / 1000 + 1.3,
      completionStartTime: NOW / 1000 + 0.4,
      response_time: 1.3,
      model_map_information: { model_map_key: 'gpt-4o-mini', model_map_value: null },
      model: 'gpt-4o-mini',
      model_id: 'dep-1',
      model_group: 'small',
      api_base: 'https://api.openai.com/v1',
      metadata: {
        user_api_key_hash: keyHash,
        user_api_key_alias: 'dev',
        user_api_key_spend: null,
        user_api_key_max_budget: null,
        user_api_key_budget_reset_at: null,
        user_api_key_org_id: null,
        user_api_key_team_id: 'team-1',
        user_api_key_team_alias: null,
        user_api_key_user_id: null,
        user_api_key_user_email: null,
        user_api_key_end_user_id: 'u-9',
        user_api_key_request_route: '/v1/chat/completions',
        requester_ip_address: null,
        user_agent: null,
        requester_metadata: { plan: 'pro' },
        applied_guardrails: [],
        usage_object: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
        user_api_key_org_alias: null,
        user_api_key_project_id: null,
        user_api_key_project_alias: null,
        user_api_key_auth_metadata: null,
        spend_logs_metadata: null,
        requester_custom_headers: null,
        prompt_management_metadata: null,
        mcp_tool_call_metadata: null,
        vector_store_request_metadata: null,
        cold_storage_object_key: null,
      },
      cache_hit: false,
      cache_key: null,
      saved_cache_cost: 0,
      request_tags: ['demo'],
      end_user: 'u-9',
      requester_ip_address: null,
      user_agent: null,
      messages: [{ role: 'user', content: 'hi' }],
      response: {
        id: 'chatcmpl-1',
        object: 'chat.completion',
        choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      },
      error_str: null,
      error_information: null,
      model_parameters: { temperature: 0.2 },
      hidden_params: {
        model_id: 'dep-1',
        cache_key: null,
        api_base: 'https://api.openai.com/v1',
        response_cost: 0.00012,
        litellm_overhead_time_ms: 2,
        additional_headers: null,
        batch_models: null,
        litellm_model_name: 'gpt-4o-mini',
        usage_object: { prompt_tokens: 10, completion_tokens: 20, total_tokens: 30 },
      },
      guardrail_information: null,
      standard_built_in_tools_params: null,
    })
  })

  it("tells the key's own budget", () => {
    const budgets = [
      { kind: 'team', id: 'team-1', maxBudget: 50, spend: 1 },
      { kind: 'key', id: keyHash, maxBudget: 10, spend: 2.5, resetsAt: Date.UTC(2026, 11, 1) },
    ]
    expect(standardLoggingPayload(sampleReport({ budgets }))).toMatchObject({
      metadata: {
        user_api_key_spend: 2.5,
        user_api_key_max_budget: 10,
        user_api_key_budget_reset_at: '2026-12-01T00:00:00.000Z',
      },
    })
  })

  it('is whole, and without a question and an answer, when nobody may see them', () => {
    const payload = standardLoggingPayload(sampleReport({ input: undefined, output: undefined, caller: {} }))
    expect(payload).toMatchObject({ messages: null, response: null, model_parameters: {}, end_user: null })
    expect(Object.values(payload)).not.toContain(undefined)
    expect(JSON.parse(JSON.stringify(payload))).toEqual(payload)
  })

  it('tells why a call failed', () => {
    expect(standardLoggingPayload(failedReport())).toMatchObject({
      id: 'call-1',
      status: 'failure',
      status_fields: { llm_api_status: 'failure' },
      total_tokens: 0,
      response_cost: 0,
      cost_breakdown: null,
      error_str: 'openai: slow down',
      error_information: {
        error_code: '429',
        error_class: 'rate_limited',
        llm_provider: 'openai',
        error_message: 'openai: slow down',
      },
      response: null,
    })
  })

  it('gives the time to the first token of a stream', () => {
    expect(standardLoggingPayload(sampleReport({ stream: true }))).toMatchObject({ response_time: 0.4, stream: true })
  })

  it('knows no overhead when no request left', () => {
    expect(standardLoggingPayload(sampleReport({ upstreamStartTime: undefined }))).toMatchObject({
      hidden_params: { litellm_overhead_time_ms: null },
    })
  })

  it('tells of guardrails, the worst one first', () => {
    const run = { plugin: 'aporia', hook: 'pre_call', startTime: NOW, endTime: NOW + 500 } as const
    const guardrails = [
      { ...run, name: 'a', status: 'success' },
      { ...run, name: 'b', status: 'guardrail_intervened' },
    ] as const
    expect(standardLoggingPayload(sampleReport({ guardrails }))).toMatchObject({
      status_fields: { guardrail_status: 'guardrail_intervened' },
      metadata: { applied_guardrails: ['a', 'b'] },
      guardrail_information: [
        {
          guardrail_name: 'a',
          guardrail_provider: 'aporia',
          guardrail_mode: 'pre_call',
          guardrail_status: 'success',
          start_time: NOW / 1000,
          end_time: NOW / 1000 + 0.5,
          duration: 0.5,
        },
        { guardrail_name: 'b' },
      ],
    })
  })

  it('tells of a tool what was called and what it cost, and of its result how long it was', () => {
    const tool = {
      server: 'shop',
      name: 'find',
      hasFailed: false,
      resultLength: 5,
      costs: { default_cost_per_query: 1 },
    }
    const input = { name: 'find', arguments: { what: 'kites' } }
    const told = standardLoggingPayload(
      sampleReport({ operation: 'tool', input, output: undefined, cost: 1, tool: { ...tool, logoUrl: undefined } }),
    )
    expect(told).toMatchObject({
      ...{ call_type: 'call_mcp_tool', messages: { what: 'kites' }, response: null, response_cost: 1 },
      metadata: {
        mcp_tool_call_metadata: {
          ...{ name: 'find', arguments: { what: 'kites' }, result: null, result_length: 5, is_error: false },
          ...{ mcp_server_name: 'shop', mcp_server_logo_url: null, namespaced_tool_name: 'shop/find' },
          ...{ mcp_server_cost_info: { default_cost_per_query: 1 }, response_cost: 1 },
        },
      },
    })
  })
})
