import { type StatsListener, unwatchFile, watchFile } from 'node:fs'

/** Milliseconds between two looks at a file, and that it has to stay as it is before it counts as written. */
const INTERVAL = 1_000
const SETTLED = 150

/** Watches files for changes. */
export interface FileWatch {
  /** Watches these from now on, and no others. */
  watch(files: readonly string[]): void
  stop(): void
}

/**
 * Calls `changed` after any of the watched files was written, replaced or removed. Looks at the files once a second in
 * place of waiting for the system's events: those get lost when a file is replaced, as editors and Kubernetes do it.
 */
export function watchFiles(changed: () => void): FileWatch {
  let watched: readonly string[] = []
  let timer: NodeJS.Timeout | undefined
  const listener: StatsListener = () => {
    clearTimeout(timer)
    timer = setTimeout(changed, SETTLED)
    timer.unref()
  }
  const watch = (files: readonly string[]) => {
    for (const file of watched) if (!files.includes(file)) unwatchFile(file, listener)
    for (const file of files)
      if (!watched.includes(file)) watchFile(file, { interval: INTERVAL, persistent: false }, listener)
    watched = [...files]
  }
  return {
    watch,
    stop() {
      clearTimeout(timer)
      watch([])
    },
  }
}
