/** Numbers as dumps show them. */

/** `digits` hexadecimal digits, no prefix. */
export function digits(value: bigint | number, count: number): string {
  return value.toString(16).padStart(count, '0');
}

/** As `digits`, with 0x in front. */
export function hex(value: bigint | number, count = 1): string {
  return `0x${digits(value, count)}`;
}
