/** Milliseconds that calls under way have when the gateway is asked to stop; `TIANJI_STOP_TIMEOUT` is in seconds. */
const STOP_DEADLINE = 30_000

/** The deadline that the environment sets, in ms, else 30 seconds. */
export function stopDeadline(): number {
  const seconds = Number(process.env.TIANJI_STOP_TIMEOUT || Number.NaN)
  return seconds >= 0 ? seconds * 1000 : STOP_DEADLINE
}
