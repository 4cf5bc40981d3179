import { offerOf, toolOf } from '@tianjillm/testing-mcp'
import { expect, test } from 'vitest'
import { createKnownOffer } from '../../src/upstream/known-offer.ts'
import { createState } from '../../src/upstream/state.ts'
import { names } from './house.ts'

const minutes = 60_000

test('what a server offers is asked for again after half an hour, for not all tell of changes', async () => {
  let now = 0
  let asked = 0
  let isUp = true
  const known = createKnownOffer({
    ...{ server: 'docs', state: createState({ now: () => now }), deadline: 1_000, now: () => now },
    isUp: () => isUp,
    async ask(begin) {
      begin()
      asked += 1
      return offerOf({ tools: [toolOf(`tool${asked}`)] })
    },
  })
  const offered = async (at: number) => {
    now = at
    return names((await known.get()).tools)
  }
  expect(await offered(0)).toEqual(['tool1'])
  expect(await offered(30 * minutes - 1)).toEqual(['tool1'])
  expect(await offered(30 * minutes)).toEqual(['tool2'])
  expect(await offered(59 * minutes)).toEqual(['tool2'])
  isUp = false
  expect(await offered(90 * minutes)).toEqual(['tool2'])
})
