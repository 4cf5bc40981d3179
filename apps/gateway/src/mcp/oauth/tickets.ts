import { hash, randomBytes } from 'node:crypto'
import { isJsonObject, parseJson } from '@tianjillm/core'
import type { Pending } from '@tianjillm/mcp'
import type { Seal } from '@tianjillm/store'

/** Somebody who may sign in to a server for some minutes, whichever browser they do it with. */
export interface Ticket {
  readonly server: string
  readonly owner: string
  /** Who that is, in words. */
  readonly title: string
  /** What they have to allow, if that is known. */
  readonly scope?: string | undefined
  /** When it was made; milliseconds since the epoch. */
  readonly madeAt: number
}

/** A sign-in on its way: who began it, in which browser. */
export interface Journey {
  readonly ticket: Ticket
  readonly pending: Pending
  /** Of what the browser keeps. */
  readonly browserHash: string
}

/** Tickets and journeys as texts that go through browsers; nobody but the gateway reads or makes them. */
export interface Tickets {
  close(ticket: Ticket): string
  /** Undefined for what is not one, or not any more. */
  open(text: string): Ticket | undefined
  closeJourney(journey: Journey): string
  openJourney(text: string): Journey | undefined
}

/** Milliseconds that a ticket is good for. */
export const TICKET_LIFE: number = 10 * 60_000

const TICKET = 'mcp sign-in ticket'
const JOURNEY = 'mcp sign-in journey'

/** Tickets with this seal. */
export function createTickets(seal: Seal, now: () => number): Tickets {
  const close = (content: object, place: string) => asWord(seal.close(JSON.stringify(content), place))
  const open = (text: string, place: string) => {
    const content = parseJson(seal.open(fromWord(text), place) ?? '')
    return isJsonObject(content) ? content : undefined
  }
  const isGood = ({ madeAt }: Ticket) => now() - madeAt < TICKET_LIFE
  return {
    close: (ticket) => close(ticket, TICKET),
    open(text) {
      // It was sealed as one.
      const ticket = open(text, TICKET) as unknown as Ticket | undefined
      return ticket !== undefined && isGood(ticket) ? ticket : undefined
    },
    closeJourney: (journey) => close(journey, JOURNEY),
    openJourney(text) {
      const journey = open(text, JOURNEY) as unknown as Journey | undefined
      return journey !== undefined && isGood(journey.ticket) ? journey : undefined
    },
  }
}

const signs = ['-', '_', '.'] as const

/** As one long word: a link is told in texts out of which whatever looks like a key is taken, and keys begin words. */
function asWord(text: string): string {
  return text.replaceAll(/[-_.]/g, (sign) => `_${signs.indexOf(sign as (typeof signs)[number])}`)
}

function fromWord(word: string): string {
  return word.replaceAll(/_([012])/g, (_match, index: string) => signs[Number(index)]!)
}

/** What a browser keeps so that it is known again. */
export function newBrowserMark(): string {
  return randomBytes(32).toString('base64url')
}

/** As it is kept in a journey. */
export function hashOfMark(mark: string): string {
  return hash('sha256', mark)
}
