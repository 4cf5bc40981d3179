import { register } from '@tianjillm/core'
import { stability } from './stability.ts'

register(stability)

export { stability }
