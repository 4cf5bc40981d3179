import { register } from '@tianjillm/core'
import { openai } from './openai.ts'

register(openai)

export { openai }
