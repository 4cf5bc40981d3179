import { register } from '@tianjillm/core'
import { exaAi } from './exa-ai.ts'

register(exaAi)

export { exaAi }
