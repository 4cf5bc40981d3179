// One provider without a gateway, here the mock; any other is used the same way, with its key as option.
import { isGatewayError } from '@tianjillm/core'
import { connect } from '@tianjillm/engine'
import { mock } from '@tianjillm/provider-mock'

const messages = [{ role: 'user', content: 'Hello!' }] as const
const model = connect(mock)

const answer = await model.chat({ model: 'any', messages })
console.log(answer.choices[0]?.message.content)

for await (const chunk of model.chat({ model: 'any', messages, stream: true }))
  process.stdout.write(chunk.choices[0]?.delta.content ?? '')
process.stdout.write('\n')

try {
  await connect(mock, { mockResponse: 'litellm.RateLimitError' }).chat({ model: 'any', messages })
} catch (error) {
  if (!isGatewayError(error)) throw error
  console.log(`${error.kind}: ${error.message}`)
}
