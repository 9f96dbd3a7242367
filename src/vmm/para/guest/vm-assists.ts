/** What a domain has asked to be done for it (xen.h, VMASST_TYPE_). */

import { VMASST_TYPE } from '../../../xen/vm-assist.ts';

/** As in Xen, those for 32-bit domains can be asked for, and nothing comes of it. */
const KNOWN: ReadonlySet<number> = new Set(Object.values(VMASST_TYPE));

export class VmAssists {
  readonly #enabled: Set<number>;
  readonly #changed: (type: number, isEnabled: boolean) => void;

  /** `enabled`: what was asked for before. `changed` is told of each that is asked for anew, or not any more. */
  constructor(
    changed: (type: number, isEnabled: boolean) => void,
    enabled: readonly number[] = [],
  ) {
    this.#enabled = new Set(enabled);
    this.#changed = changed;
  }

  save(): readonly number[] {
    return [...this.#enabled].sort((a, b) => a - b);
  }

  isKnown(type: number): boolean {
    return KNOWN.has(type);
  }

  isEnabled(type: number): boolean {
    return this.#enabled.has(type);
  }

  set(type: number, isEnabled: boolean): void {
    if (this.isEnabled(type) === isEnabled) return;
    if (isEnabled) this.#enabled.add(type);
    else this.#enabled.delete(type);
    this.#changed(type, isEnabled);
  }
}
