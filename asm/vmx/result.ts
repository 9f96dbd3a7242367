/** How VMX instructions report success and failure (SDM 3C 31.2 Conventions). */

import { CF, Flags, ZF } from '../cpu/flags';
import { VM_INSTRUCTION_ERROR } from '../gen/vmx-fields';
import { InstructionError } from '../gen/vmx-instruction-errors';
import { CURRENT_VMCS } from '../layout';
import { NO_ADDRESS } from './operation';

export class Result {
  /** VMsucceed. */
  static succeed(): void {
    Flags.setStatus(0);
  }
  /** VMfailInvalid. */
  static failInvalid(): void {
    Flags.setStatus(CF);
  }
  /** VMfailValid: there is a current VMCS. */
  static failValid(error: InstructionError): void {
    store<u64>(VM_INSTRUCTION_ERROR, <u64>error);
    Flags.setStatus(ZF);
  }
  /** VMfail: whichever of both it is. */
  static fail(error: InstructionError): void {
    if (load<u64>(CURRENT_VMCS) == NO_ADDRESS) Result.failInvalid();
    else Result.failValid(error);
  }
}
