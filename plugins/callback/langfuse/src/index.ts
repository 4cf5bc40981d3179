import { register } from '@tianjillm/core'
import { langfuse } from './langfuse.ts'

register(langfuse)

export { langfuse }
