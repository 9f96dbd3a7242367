/**
 * The VMM's emulator: runs instructions of the guest on the core with the virtual processor's registers, under the
 * guest's own tables, so that they do what they would do on a processor of the guest's own: faults and interrupts
 * go through the guest's IDT, ports and devices are the VM's.
 */

import type { ExitReason } from '../machine/processor.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { Vcpu } from './vcpu.ts';

export class Emulator {
  readonly #vcpu: Vcpu;
  readonly #shadow: Shadow;
  #watches = -1;

  constructor(vcpu: Vcpu, shadow: Shadow) {
    this.#vcpu = vcpu;
    this.#shadow = shadow;
  }

  /** Takes what is due at RIP and runs the instruction there. */
  step(): ExitReason {
    const { processor } = this.#vcpu;
    if (this.#watches !== this.#shadow.watches) {
      this.#watches = this.#shadow.watches;
      processor.flushTranslations();
    }
    return processor.run(1);
  }
}
