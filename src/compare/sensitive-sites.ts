/**
 * After which executions of sensitive instructions the machines are compared. By Popek and Goldberg such an
 * instruction is where a guest can come to see that it is in a VM; all others do the same in any state that looks the same.
 */

/** Executions of an instruction that are looked at each; of later ones those whose number is a power of two. */
const FIRST = 16;
/** Instructions that are told apart. */
const MOST_SITES = 65_536;

export class SensitiveSites {
  /** Executions by the address that the guest went on at. */
  readonly #counts = new Map<bigint, number>();

  /** The guest goes on at `rip` after such an instruction: is that an execution to look at? */
  isDue(rip: bigint): boolean {
    const count = (this.#counts.get(rip) ?? 0) + 1;
    if (count === 1 && this.#counts.size >= MOST_SITES) this.#counts.clear();
    this.#counts.set(rip, count);
    return count <= FIRST || Number.isInteger(Math.log2(count));
  }
}
