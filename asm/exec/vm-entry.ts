/** vmlaunch, vmresume (SDM 3C 31.3 VMLAUNCH/VMRESUME, 27.1 Basic VM-Entry Checks). */

import { VMCS_LAUNCH_STATE } from '../gen/vmx-fields';
import { InstructionError } from '../gen/vmx-instruction-errors';
import { CURRENT_VMCS, SHADOWED, STEPPING } from '../layout';
import { Entry } from '../vmx/entry';
import { NO_ADDRESS } from '../vmx/operation';
import { Permission } from '../vmx/permission';
import { LaunchState } from '../vmx/region';
import { Result } from '../vmx/result';

/** SHADOW: events are blocked by MOV SS or POP SS. */
const MOV_SS: u32 = 2;

/** VMLAUNCH. */
export function vmlaunch(i: usize): void {
  enter(LaunchState.Clear, InstructionError.VmlaunchNotClear);
}
/** VMRESUME. */
export function vmresume(i: usize): void {
  enter(LaunchState.Launched, InstructionError.VmresumeNotLaunched);
}

/** VM entry with a VMCS that must be in `state`, and else fails with `error`. */
function enter(state: LaunchState, error: InstructionError): void {
  if (!Permission.inRoot()) return;
  if (load<u64>(CURRENT_VMCS) == NO_ADDRESS) Result.failInvalid();
  else if (isBlockedByMovSs()) Result.failValid(InstructionError.EntryBlockedByMovSs);
  else if (load<u32>(VMCS_LAUNCH_STATE) != state) Result.failValid(error);
  else Entry.enter();
}

/** What follows MOV SS runs alone. */
function isBlockedByMovSs(): bool {
  return load<u32>(STEPPING) != 0 && (load<u32>(SHADOWED) & MOV_SS) != 0;
}
