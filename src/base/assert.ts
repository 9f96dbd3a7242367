/** Broken invariants of ours. Never caught: a failure is a bug in Trapline, not in a guest or a file. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Throws an AssertionError with `message` unless `condition` holds. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(`broken invariant: ${message}`);
}
