/** Names of constants, for traces and messages. */

/** The name that `table` gives `value`; undefined if it has none. The first of several. */
export function nameOf(table: Readonly<Record<string, number>>, value: number): string | undefined {
  return Object.entries(table).find(([, number]) => number === value)?.[0];
}
