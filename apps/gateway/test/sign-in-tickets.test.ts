import { createSeal } from '@tianjillm/store'
import { expect, it } from 'vitest'
import { createTickets, TICKET_LIFE, type Ticket } from '../src/mcp/oauth/tickets.ts'
import { createRedactor } from '../src/redact.ts'

const seal = createSeal('sk-the-master-key-of-this-gateway')
const ticket: Ticket = { server: 'github', owner: 'u:ada', title: 'the user "ada"', madeAt: 1_000 }

it('a ticket is never taken for a key, whatever it is sealed to', () => {
  const redact = createRedactor([])
  const { close, open } = createTickets(seal, () => 2_000)
  for (let count = 0; count < 5_000; count++) {
    const text = close(ticket)
    expect(redact(`Sign in: https://gateway.test/authorize?ticket=${text}`)).toContain(text)
    expect(open(text)).toEqual(ticket)
  }
})

it('a ticket is good for some minutes, as a ticket alone', () => {
  let now = 1_000
  const tickets = createTickets(seal, () => now)
  const text = tickets.close(ticket)
  expect(tickets.openJourney(text)).toBeUndefined()
  expect(tickets.open(`${text}x`)).toBeUndefined()
  now += TICKET_LIFE
  expect(tickets.open(text)).toBeUndefined()
})
