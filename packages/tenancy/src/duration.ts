import { GatewayError } from '@tianjillm/core'

/** Milliseconds of the units that always last the same. */
const units: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** The longest that is taken: a hundred years. */
const LONGEST = 100 * 366 * 86_400_000

/**
 * The time so long after another, both in ms since the epoch: `30s`, `30m`, `30h`, `30d`, `2w`, `1mo`. A month later is
 * the same day of the month in UTC, or its last. Throws GatewayError `invalid_request` for anything else.
 */
export function after(time: number, duration: string, param = 'duration'): number {
  const [, count = '', unit = ''] = /^(\d{1,9})(s|m|h|d|w|mo)$/.exec(duration) ?? []
  const amount = Number(count)
  const end = unit === 'mo' ? monthsAfter(time, amount) : time + amount * (units[unit] ?? Number.NaN)
  if (amount > 0 && end - time <= LONGEST) return end
  throw new GatewayError('invalid_request', `\`${param}\` must be a time such as 30s, 30m, 12h, 30d or 1mo.`, { param })
}

function monthsAfter(time: number, count: number): number {
  const date = new Date(time)
  const day = date.getUTCDate()
  date.setUTCDate(1)
  date.setUTCMonth(date.getUTCMonth() + count)
  const last = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
  date.setUTCDate(Math.min(day, last))
  return date.getTime()
}
