import type { ColumnType, Generated } from 'kysely'

/** JSON, kept as a text. */
export type Json = ColumnType<string, string, string>

/** Milliseconds since the epoch. */
export type Time = number

/**
 * Money in billionths of a US dollar, a whole number: sums of it are exact in whatever order they are made. Exact in
 * JavaScript up to nine million dollars.
 */
export type Nano = number

/** 0 or 1, for SQLite has no other truth. */
export type Flag = Generated<number>

/** US dollars as billionths; undefined and null stay unknown. */
export function toNano(dollars: number | null | undefined): Nano | null {
  return dollars === undefined || dollars === null ? null : Math.round(dollars * 1e9)
}

/** Billionths as US dollars. */
export function toDollars(nano: Nano | null): number | null {
  return nano === null ? null : nano / 1e9
}
