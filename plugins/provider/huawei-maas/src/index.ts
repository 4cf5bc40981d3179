import { register } from '@tianjillm/core'
import { huaweiMaas } from './huawei-maas.ts'

register(huaweiMaas)

export { huaweiMaas }
