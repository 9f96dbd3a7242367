/** Strings of an ELF file: bytes up to a zero, in a string table (System V ABI 4 String Table). */

const decoder = new TextDecoder();

/** Longer names are refused, so that reading a table of them ends soon. */
const MAX_LENGTH = 4096;

/** The string at `at`; undefined if it does not lie within `table` and end there. */
export function stringAt(table: Uint8Array, at: number): string | undefined {
  const rest = table.subarray(at, at + MAX_LENGTH + 1);
  const length = rest.indexOf(0);
  return length < 0 ? undefined : decoder.decode(rest.subarray(0, length));
}
