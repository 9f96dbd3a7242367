/** IRET and the blocking of NMIs, or of virtual NMIs (SDM 3C 26.3; 28.2.2 and table 28-7 for NMI unblocking due to IRET). */

import { Raised } from '../cpu/event';
import { NMI_BLOCKED, NMI_UNBLOCKED, RAISED } from '../layout';
import { Operation } from './operation';
import { VmExit } from './vm-exit';
import { Watch } from './watch';

export class NmiUnblocking {
  /** IRET, whether it faults or not. */
  static unblock(): void {
    if (Operation.isNonRoot() && !Watch.unblocksNmis()) return;
    store<u32>(NMI_BLOCKED, 0);
  }

  /** IRET has raised something, and NMIs were blocked before. */
  static faulted(): void {
    if (load<u32>(NMI_BLOCKED) != 0) return;
    if (load<u32>(RAISED) == Raised.VmExit) VmExit.noteUnblocking();
    else if (load<u32>(RAISED) == Raised.Event) store<u32>(NMI_UNBLOCKED, 1);
  }
}
