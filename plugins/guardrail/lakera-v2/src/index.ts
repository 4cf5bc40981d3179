import { register } from '@tianjillm/core'
import { lakeraV2 } from './lakera-v2.ts'

register(lakeraV2)

export { lakeraV2 }
