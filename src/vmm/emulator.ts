/**
 * The VMM's emulator: runs instructions of the guest on the core with the virtual processor's registers, under the
 * guest's own tables, so that they do what they would do on a processor of the guest's own: faults and interrupts
 * go through the guest's IDT, ports and devices are the VM's.
 */

import type { ExitReason } from '../machine/processor.ts';
import { pageAt } from './shadow/guest-walk.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { Vcpu } from './vcpu.ts';

export class Emulator {
  readonly #vcpu: Vcpu;
  readonly #shadow: Shadow;
  readonly #invalidated: () => number;
  readonly #one: number;
  readonly #pageLow: () => number;
  readonly #pageHigh: () => number;
  #watches = -1;

  constructor(vcpu: Vcpu, shadow: Shadow) {
    this.#vcpu = vcpu;
    this.#shadow = shadow;
    this.#invalidated = vcpu.view.reader('INVALIDATED');
    this.#pageLow = vcpu.view.reader('INVALIDATED_PAGE');
    this.#pageHigh = vcpu.view.reader('INVALIDATED_PAGE', 4);
    this.#one = vcpu.view.layout('INVALIDATED_ONE');
  }

  /** Takes what is due at RIP, and runs nothing. */
  deliverDue(): ExitReason {
    return this.run(0);
  }

  /** Takes what is due at RIP and runs `count` instructions from there on. */
  run(count: number): ExitReason {
    const { processor, view } = this.#vcpu;
    if (this.#watches !== this.#shadow.watches) {
      this.#watches = this.#shadow.watches;
      processor.flushTranslations();
    }
    view.setU32('INVALIDATED', 0);
    const reason = processor.run(count);
    const invalidated = this.#invalidated();
    if (invalidated !== 0) this.#invalidate(invalidated === this.#one);
    return reason;
  }

  /** What the instructions have invalidated in the processor's translations goes for the shadow too. */
  #invalidate(isOne: boolean): void {
    const { paging, pdptes } = this.#vcpu;
    const page = isOne ? pageAt(this.#pageLow(), this.#pageHigh()) : undefined;
    this.#shadow.invalidate(page, paging, pdptes);
  }
}
