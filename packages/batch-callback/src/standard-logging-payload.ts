import type { CallReport, GuardrailRun, JsonObject, ToolFacts } from '@tianjillm/core'
import { callType } from './call-type.ts'
import { modelParameters, promptOf } from './content.ts'

/**
 * The report as LiteLLM's StandardLoggingPayload, times in seconds. What a report does not know is null.
 * https://docs.litellm.ai/docs/proxy/logging_spec
 */
export function standardLoggingPayload(report: CallReport): JsonObject {
  const { caller, cost, error, usage } = report
  const budget = report.budgets?.find(({ kind }) => kind === 'key')
  const apiBase = report.apiBase ?? ''
  return {
    id: report.responseId ?? report.id,
    trace_id: report.traceId,
    call_id: report.id,
    call_type: callType(report.operation),
    stream: report.stream,
    response_cost: cost ?? 0,
    cost_breakdown: cost === undefined ? null : { total_cost: cost },
    response_cost_failure_debug_info: null,
    status: report.status,
    status_fields: { llm_api_status: report.status, guardrail_status: guardrailStatus(report.guardrails) },
    custom_llm_provider: report.provider ?? null,
    total_tokens: usage?.total_tokens ?? 0,
    prompt_tokens: usage?.prompt_tokens ?? 0,
    completion_tokens: usage?.completion_tokens ?? 0,
    startTime: seconds(report.startTime),
    endTime: seconds(report.endTime),
    completionStartTime: seconds(report.firstTokenTime ?? report.endTime),
    response_time: seconds(
      (report.stream ? (report.firstTokenTime ?? report.endTime) : report.endTime) - report.startTime,
    ),
    model_map_information: { model_map_key: report.model, model_map_value: null },
    model: report.model,
    model_id: report.deploymentId ?? null,
    model_group: report.modelGroup,
    api_base: apiBase,
    metadata: {
      user_api_key_hash: caller.keyHash ?? null,
      user_api_key_alias: caller.keyAlias ?? null,
      user_api_key_spend: budget?.spend ?? null,
      user_api_key_max_budget: budget?.maxBudget ?? null,
      user_api_key_budget_reset_at: budget?.resetsAt === undefined ? null : new Date(budget.resetsAt).toISOString(),
      user_api_key_org_id: caller.organizationId ?? null,
      user_api_key_team_id: caller.teamId ?? null,
      user_api_key_team_alias: caller.teamAlias ?? null,
      user_api_key_user_id: caller.userId ?? null,
      user_api_key_user_email: caller.userEmail ?? null,
      user_api_key_end_user_id: caller.endUserId ?? null,
      user_api_key_request_route: report.route,
      requester_ip_address: caller.ip ?? null,
      user_agent: caller.userAgent ?? null,
      requester_metadata: report.metadata,
      applied_guardrails: report.guardrails.map(({ name }) => name),
      usage_object: usage ?? null,
      mcp_tool_call_metadata: report.tool ? toolCall(report.tool, report) : null,
      ...unknownMetadata,
    },
    cache_hit: report.cacheHit,
    cache_key: null,
    saved_cache_cost: 0,
    request_tags: report.tags,
    end_user: caller.endUserId ?? null,
    requester_ip_address: caller.ip ?? null,
    user_agent: caller.userAgent ?? null,
    messages: promptOf(report) ?? null,
    response: report.output ?? null,
    error_str: error?.message ?? null,
    error_information: error
      ? {
          error_code: String(error.status),
          error_class: error.kind,
          llm_provider: error.provider ?? null,
          traceback: null,
          error_message: error.message,
        }
      : null,
    model_parameters: modelParameters(report),
    hidden_params: {
      model_id: report.deploymentId ?? null,
      cache_key: null,
      api_base: apiBase,
      response_cost: cost ?? null,
      litellm_overhead_time_ms:
        report.upstreamStartTime === undefined ? null : report.upstreamStartTime - report.startTime,
      additional_headers: null,
      batch_models: null,
      litellm_model_name: report.model,
      usage_object: usage ?? null,
    },
    guardrail_information: report.guardrails.length > 0 ? report.guardrails.map(guardrailInformation) : null,
    standard_built_in_tools_params: null,
  }
}

/** Fields that LiteLLM's payload has, and no report knows. */
const unknownMetadata = {
  user_api_key_org_alias: null,
  user_api_key_project_id: null,
  user_api_key_project_alias: null,
  user_api_key_auth_metadata: null,
  spend_logs_metadata: null,
  requester_custom_headers: null,
  prompt_management_metadata: null,
  vector_store_request_metadata: null,
  cold_storage_object_key: null,
}

/** What a tool answered is nowhere told, but for its size. */
function toolCall(tool: ToolFacts, { input, cost }: CallReport): JsonObject {
  return {
    name: tool.name,
    arguments: input?.arguments ?? null,
    result: null,
    result_length: tool.resultLength,
    is_error: tool.hasFailed,
    mcp_server_name: tool.server,
    mcp_server_logo_url: tool.logoUrl ?? null,
    namespaced_tool_name: `${tool.server}/${tool.name}`,
    mcp_server_cost_info: tool.costs ?? null,
    response_cost: cost ?? 0,
  }
}

function guardrailInformation(run: GuardrailRun): JsonObject {
  return {
    guardrail_name: run.name,
    guardrail_provider: run.plugin,
    guardrail_mode: run.hook,
    guardrail_status: run.status,
    start_time: seconds(run.startTime),
    end_time: seconds(run.endTime),
    duration: seconds(run.endTime - run.startTime),
  }
}

/** The worst of all runs. */
function guardrailStatus(runs: readonly GuardrailRun[]): string {
  const statuses = ['guardrail_intervened', 'guardrail_failed_to_respond', 'success'] as const
  return statuses.find((status) => runs.some((run) => run.status === status)) ?? 'not_run'
}

function seconds(milliseconds: number): number {
  return milliseconds / 1000
}
