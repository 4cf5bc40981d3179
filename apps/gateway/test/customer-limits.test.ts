import { describeOnBoth } from '@tianjillm/testing'
import { expect, it, onTestFinished } from 'vitest'
import { MASTER_KEY, startGateway } from './support.ts'

describeOnBoth('a customer of a client', (newUrl) => {
  it('is held to models, and to limits and budgets of a model', async () => {
    const price = 'input_cost_per_token: 0.1, output_cost_per_token: 0.1'
    const gateway = await startGateway(`
model_list:
  - {model_name: small, litellm_params: {model: mock/small, mock_response: Hi there, ${price}}, model_info: {access_groups: [cheap]}}
  - {model_name: other, litellm_params: {model: mock/other, mock_response: Hi there, ${price}}, model_info: {access_groups: [cheap]}}
  - {model_name: large, litellm_params: {model: mock/large, mock_response: Hi there, ${price}}}
general_settings: {master_key: ${MASTER_KEY}, database_url: '${newUrl()}'}`)
    onTestFinished(() => gateway.stop(500))
    const post = async (path: string, body: object) => {
      const response = await fetch(`${gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      const { error } = (await response.json()) as {
        readonly error?: { readonly code: string; readonly message: string }
      }
      return error === undefined ? 'ok' : `${response.status} ${error.code}: ${error.message}`
    }
    const ask = (user: string, model: string) =>
      post('/v1/chat/completions', { model, user, messages: [{ role: 'user', content: 'hi' }] })

    await post('/customer/new', { user_id: 'narrow', models: ['cheap'] })
    expect(await ask('narrow', 'small')).toBe('ok')
    expect(await ask('narrow', 'large')).toBe(
      '403 customer_model_access_denied: The gateway does not let the customer "narrow" use the model "large". It may use cheap, small, other.',
    )

    await post('/customer/new', { user_id: 'slow', model_rpm_limit: { small: 1 } })
    expect(await ask('slow', 'small')).toBe('ok')
    expect(await ask('slow', 'small')).toMatch(/^429 rate_limit_exceeded: .* the customer "slow" for the model "small"/)
    expect(await ask('slow', 'other')).toBe('ok')

    await post('/customer/new', { user_id: 'poor', model_max_budget: { small: 0 } })
    expect(await ask('poor', 'small')).toMatch(/^429 budget_exceeded: .* the customer "poor" for the model "small"/)
    expect(await ask('poor', 'other')).toBe('ok')
  })
})
