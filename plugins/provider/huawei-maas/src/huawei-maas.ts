import { type FailedReply, type Fault, isJsonObject, type ProviderPlugin } from '@tianjillm/core'
import { type OpenAICompatibleOptions, openaiCompatible } from '@tianjillm/openai-compatible'

/** Huawei Cloud ModelArts MaaS serves open models behind OpenAI's own wire format. https://support.huaweicloud.com/intl/en-us/usermanual-maas/ */
export const huaweiMaas: ProviderPlugin<OpenAICompatibleOptions> = openaiCompatible({
  name: 'huawei_maas',
  title: 'Huawei Cloud MaaS',
  docs: 'https://support.huaweicloud.com/intl/en-us/usermanual-maas/',
  baseURL: 'https://api-ap-southeast-1.modelarts-maas.com/openai/v1',
  baseEnv: ['HUAWEI_MAAS_API_BASE', 'MAAS_API_URL'],
  apiKeyEnv: ['HUAWEI_MAAS_API_KEY', 'MAAS_API_KEY'],
  operations: ['chat', 'embedding'],
  fault,
})

/** What the vendor's own codes mean beyond their status; its engines' errors are OpenAI's. */
const faults: ReadonlyMap<unknown, Fault> = new Map([
  ['ModelArts.81005', { kind: 'quota_exceeded' }],
  ['ModelArts.81011', { kind: 'content_policy_violation' }],
])

function fault({ body }: FailedReply): Fault | undefined {
  return isJsonObject(body) ? faults.get(body.error_code) : undefined
}
