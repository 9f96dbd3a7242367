/** Takes the place of Node's assert in the bundle: yargs uses two of its functions, and it loads slowly. */

export function strictEqual(a: unknown, b: unknown, message: string): void {
  if (!Object.is(a, b)) throw new Error(message);
}

export function notStrictEqual(a: unknown, b: unknown, message: string): void {
  if (Object.is(a, b)) throw new Error(message);
}
