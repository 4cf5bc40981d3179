import { register } from '@tianjillm/core'
import { mock } from './mock.ts'

register(mock)

export { mock }
