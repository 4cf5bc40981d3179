import { register } from '@tianjillm/core'
import { brave } from './brave.ts'

register(brave)

export { brave }
