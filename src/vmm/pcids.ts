/**
 * PCIDs of the host's processor: every shadow root has one of its own, whichever VM it belongs to, so that the
 * processor keeps its translations apart. They are handed out once; when they are used up, all of them are void.
 */

import type { ShadowRoot } from './shadow/shadow.ts';

const LAST = 4095;

export class Pcids {
  #given = new WeakMap<ShadowRoot, number>();
  #last = 0;
  #isStale = false;
  /** Changes whenever all PCIDs become void. */
  generation = 0;

  of(root: ShadowRoot): number {
    const known = this.#given.get(root);
    if (known !== undefined) return known;
    if (this.#last === LAST) {
      this.#given = new WeakMap();
      this.#last = 0;
      this.#isStale = true;
      this.generation++;
    }
    this.#last++;
    this.#given.set(root, this.#last);
    return this.#last;
  }

  /** True once after PCIDs became void: the processor's translations must be flushed. */
  takeStale(): boolean {
    const isStale = this.#isStale;
    this.#isStale = false;
    return isStale;
  }
}
