import { register } from '@tianjillm/core'
import { groq } from './groq.ts'

register(groq)

export { groq }
