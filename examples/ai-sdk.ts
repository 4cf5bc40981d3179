// The AI SDK, pointed at the gateway: streamed text, an object that fits a schema, embeddings.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embed, generateText, Output, streamText } from 'ai'
import { z } from 'zod'

const gateway = createOpenAICompatible({
  name: 'tianji',
  baseURL: `${process.env.BASE_URL ?? 'http://127.0.0.1:4000'}/v1`,
  apiKey: process.env.TIANJI_MASTER_KEY ?? 'none',
  supportsStructuredOutputs: true,
})

const { textStream } = streamText({ model: gateway('mock'), prompt: 'Name a colour.' })
for await (const piece of textStream) process.stdout.write(piece)
process.stdout.write('\n')

const { output } = await generateText({
  model: gateway('mock'),
  prompt: 'Describe a kite.',
  output: Output.object({ schema: z.object({ name: z.string(), wings: z.number() }) }),
})
console.log(output)

const { embedding } = await embed({ model: gateway.embeddingModel('mock'), value: 'a red kite' })
console.log(`${embedding.length} numbers`)
