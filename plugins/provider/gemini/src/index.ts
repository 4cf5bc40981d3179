import { register } from '@tianjillm/core'
import { gemini } from './gemini.ts'

register(gemini)

export { gemini }
