import { register } from '@tianjillm/core'
import { gigachat } from './gigachat.ts'

register(gigachat)

export { gigachat }
