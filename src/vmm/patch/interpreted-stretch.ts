/**
 * How many instructions the VMM interprets where patching does not help: exits that follow close upon one another cost
 * more than the interpretation of what lies between them. So the stretches grow while little runs directly between them.
 */

const LONGEST = 65_536;
/** Instructions that take about as long as an exit: less than that between two stretches is not worth an exit. */
const EXIT_COST = 1000;

export class InterpretedStretch {
  /** Low half of virtual time. */
  readonly #now: () => number;
  #last = 0;
  #length = 1;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The length of the stretch that begins now, in instructions. */
  next(): number {
    const now = this.#now();
    const since = (now - this.#last) >>> 0;
    this.#last = now;
    this.#length = since < this.#length + EXIT_COST ? Math.min(this.#length * 2, LONGEST) : 1;
    return this.#length;
  }
}
