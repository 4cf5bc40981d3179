import { register } from '@tianjillm/core'
import { anthropic } from './anthropic.ts'

register(anthropic)

export { anthropic }
