/** What the gateway's own metrics say of all calls. */
export interface Metrics {
  readonly counted: number
  readonly inFlight: number
}

/** Reads `/metrics`. */
export async function readMetrics(url: string): Promise<Metrics> {
  const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } })
  const lines = (await response.text()).split('\n')
  const sum = (name: string) =>
    lines
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)
  return { counted: sum('litellm_proxy_total_requests_metric_total'), inFlight: sum('litellm_in_flight_requests') }
}
