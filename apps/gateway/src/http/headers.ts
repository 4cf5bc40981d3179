/** Names and values in turn, as node takes them without looking at an object's members first. */
export type HeaderList = readonly string[]
