/**
 * Takes the place of the package string-width in the bundle: yargs measures the texts of its help with
 * it. Ours are ASCII, and the package takes 30 ms to prepare for all of Unicode.
 */

export default function stringWidth(text: string): number {
  return text.length;
}
