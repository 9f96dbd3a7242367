/**
 * PCIDs of the host's processor: every address space has one of its own, whichever VM it belongs to, so that the
 * processor keeps its translations apart. They are handed out once; when they are used up, all of them are void.
 */

const LAST = 4095;

export class Pcids {
  #given = new WeakMap<object, number>();
  #last = 0;
  #isStale = false;
  /** Changes whenever all PCIDs become void. */
  generation = 0;

  /** Of the address space that `space` stands for. */
  of(space: object): number {
    const known = this.#given.get(space);
    if (known !== undefined) return known;
    if (this.#last === LAST) {
      this.#given = new WeakMap();
      this.#last = 0;
      this.#isStale = true;
      this.generation++;
    }
    this.#last++;
    this.#given.set(space, this.#last);
    return this.#last;
  }

  /** True once after PCIDs became void: the processor's translations must be flushed. */
  takeStale(): boolean {
    const isStale = this.#isStale;
    this.#isStale = false;
    return isStale;
  }
}
