/** The controls of the current VMCS (SDM 3C 25.6 to 25.8), by the bits of gen/vmx-controls. */

import { ACTIVATE_SECONDARY_CONTROLS } from '../gen/vmx-controls';
import {
  PIN_BASED_VM_EXECUTION_CONTROLS,
  PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS,
  SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS,
  VM_ENTRY_CONTROLS,
  VM_EXIT_CONTROLS,
} from '../gen/vmx-fields';

export class Controls {
  @inline static pin(bit: u32): bool {
    return (load<u32>(PIN_BASED_VM_EXECUTION_CONTROLS) & bit) != 0;
  }
  @inline static primary(bit: u32): bool {
    return (load<u32>(PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS) & bit) != 0;
  }
  /** All secondary controls are 0 unless they are activated. */
  @inline static secondary(bit: u32): bool {
    if (!Controls.primary(ACTIVATE_SECONDARY_CONTROLS)) return false;
    return (load<u32>(SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS) & bit) != 0;
  }
  @inline static exit(bit: u32): bool {
    return (load<u32>(VM_EXIT_CONTROLS) & bit) != 0;
  }
  @inline static entry(bit: u32): bool {
    return (load<u32>(VM_ENTRY_CONTROLS) & bit) != 0;
  }
}
