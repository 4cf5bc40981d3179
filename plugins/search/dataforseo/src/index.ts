import { register } from '@tianjillm/core'
import { dataforseo } from './dataforseo.ts'

register(dataforseo)

export { dataforseo }
