import { register } from '@tianjillm/core'
import { elevenlabs } from './elevenlabs.ts'

register(elevenlabs)

export { elevenlabs }
