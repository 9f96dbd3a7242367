/** VM entry (SDM 3C chapter 27): checks of the current VMCS (src/vmx/checks.ts). */

import { checkControls, checkGuest, checkHost } from '../gen/vmx-checks';
import { InstructionError } from '../gen/vmx-instruction-errors';
import { FAILED_CHECK } from '../layout';
import { Result } from './result';

/** Groups of checks, in their order. */
export enum CheckGroup {
  Controls = 0,
  Host = 1,
  Guest = 2,
}

export class Entry {
  /** VMLAUNCH or VMRESUME has found nothing wrong with the launch state. */
  static enter(): void {
    if (!Entry.passes(CheckGroup.Controls)) Result.failValid(InstructionError.EntryControls);
    else if (!Entry.passes(CheckGroup.Host)) Result.failValid(InstructionError.EntryHostState);
  }

  /** All checks of `group` hold; else FAILED_CHECK tells which does not. */
  static passes(group: CheckGroup): bool {
    store<u32>(FAILED_CHECK, Entry.check(group));
    return load<u32>(FAILED_CHECK) == 0;
  }
  static check(group: CheckGroup): u32 {
    if (group == CheckGroup.Controls) return checkControls();
    return group == CheckGroup.Host ? checkHost() : checkGuest();
  }
}
