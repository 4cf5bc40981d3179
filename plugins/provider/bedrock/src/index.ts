import { register } from '@tianjillm/core'
import { bedrock } from './bedrock.ts'

register(bedrock)

export { bedrock }
