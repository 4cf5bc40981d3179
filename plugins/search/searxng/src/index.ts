import { register } from '@tianjillm/core'
import { searxng } from './searxng.ts'

register(searxng)

export { searxng }
