import type { SpendLog } from '@tianjillm/store'

/** A finished call of nobody, that cost nothing. */
export const spendLog: SpendLog = {
  ...{ request_id: 'r', trace_id: 't', call_type: 'chat', status: 'success', start_time: 1, end_time: 2 },
  ...{ first_token_time: null, key_hash: null, user_id: null, team_id: null, organization_id: null },
  ...{ end_user_id: null, model: 'm', model_group: 'm', provider: null, deployment_id: null },
  ...{ prompt_tokens: 0, completion_tokens: 0, total_tokens: 0, cached_tokens: 0, spend: 0, cache_hit: 0 },
  ...{ tags: '[]', metadata: '{}', http_status: 200, error: null },
}
