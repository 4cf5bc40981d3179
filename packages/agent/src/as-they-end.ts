/** Results in the order they come, `most` actions under way at a time. An action must not reject. */
export async function* asTheyEnd<Item, Result>(
  most: number,
  items: readonly Item[],
  action: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const queue = items.entries()
  const underWay = new Map<number, Promise<{ readonly index: number; readonly result: Result }>>()
  const begin = () => {
    const next = queue.next()
    if (next.done) return
    const [index, item] = next.value
    underWay.set(
      index,
      action(item).then((result) => ({ index, result })),
    )
  }
  for (let count = 0; count < most; count++) begin()
  while (underWay.size > 0) {
    const { index, result } = await Promise.race(underWay.values())
    underWay.delete(index)
    begin()
    yield result
  }
}
