import { register } from '@tianjillm/core'
import { googlePse } from './google-pse.ts'

register(googlePse)

export { googlePse }
