import { register } from '@tianjillm/core'
import { tavily } from './tavily.ts'

register(tavily)

export { tavily }
