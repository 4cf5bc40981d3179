// A second provider inside the process, so that there is one to have a budget.
import { defineProvider, register } from '@tianjillm/core'
import { mock } from '@tianjillm/provider-mock'

register(defineProvider({ ...mock, name: 'elsewhere', title: 'Mock models of somebody else' }))
