import { register } from '@tianjillm/core'
import { prometheus } from './prometheus.ts'

register(prometheus)

export { prometheus }
