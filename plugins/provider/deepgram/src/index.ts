import { register } from '@tianjillm/core'
import { deepgram } from './deepgram.ts'

register(deepgram)

export { deepgram }
