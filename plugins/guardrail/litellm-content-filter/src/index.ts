import { register } from '@tianjillm/core'
import { litellmContentFilter } from './litellm-content-filter.ts'

register(litellmContentFilter)

export { litellmContentFilter }
