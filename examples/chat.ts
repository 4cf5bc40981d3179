// OpenAI's own client, pointed at the gateway: a whole answer, then a streamed one.
import OpenAI from 'openai'

const client = new OpenAI({
  baseURL: `${process.env.BASE_URL ?? 'http://127.0.0.1:4000'}/v1`,
  apiKey: process.env.TIANJI_MASTER_KEY ?? 'none',
})

const answer = await client.chat.completions.create({
  model: 'mock',
  messages: [{ role: 'user', content: 'Which river runs through Paris?' }],
})
console.log(answer.choices[0]?.message.content)
console.log(`${answer.usage?.total_tokens} tokens`)

const stream = await client.chat.completions.create({
  model: 'mock',
  messages: [{ role: 'user', content: 'Count to three.' }],
  stream: true,
  stream_options: { include_usage: true },
})
for await (const { choices, usage } of stream) {
  process.stdout.write(choices[0]?.delta.content ?? '')
  if (usage) process.stdout.write(`\n${usage.total_tokens} tokens\n`)
}
