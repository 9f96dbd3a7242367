/** VM-instruction errors: what VM_INSTRUCTION_ERROR holds after a VMfailValid (SDM 3C 31.4 VM Instruction Error Numbers). */

export interface InstructionError {
  readonly number: number;
  /** In PascalCase, for asm/. */
  readonly name: string;
  readonly sentence: string;
}

const row = (number: number, name: string, sentence: string): InstructionError => ({
  number,
  name,
  sentence,
});

// biome-ignore format: one error per line. Those about SMM cannot occur: there is no dual-monitor treatment here.
export const INSTRUCTION_ERRORS: readonly InstructionError[] = [
  row(1, 'VmcallInRoot', 'VMCALL executed in VMX root operation'),
  row(2, 'VmclearAddress', 'VMCLEAR with invalid physical address'),
  row(3, 'VmclearVmxonPointer', 'VMCLEAR with VMXON pointer'),
  row(4, 'VmlaunchNotClear', 'VMLAUNCH with non-clear VMCS'),
  row(5, 'VmresumeNotLaunched', 'VMRESUME with non-launched VMCS'),
  row(6, 'VmresumeAfterVmxoff', 'VMRESUME after VMXOFF (VMXOFF and VMXON between VMLAUNCH and VMRESUME)'),
  row(7, 'EntryControls', 'VM entry with invalid control field(s)'),
  row(8, 'EntryHostState', 'VM entry with invalid host-state field(s)'),
  row(9, 'VmptrldAddress', 'VMPTRLD with invalid physical address'),
  row(10, 'VmptrldVmxonPointer', 'VMPTRLD with VMXON pointer'),
  row(11, 'VmptrldRevision', 'VMPTRLD with incorrect VMCS revision identifier'),
  row(12, 'UnsupportedField', 'VMREAD/VMWRITE from/to unsupported VMCS component'),
  row(13, 'ReadOnlyField', 'VMWRITE to read-only VMCS component'),
  row(15, 'VmxonInRoot', 'VMXON executed in VMX root operation'),
  row(16, 'ExecutiveVmcsPointer', 'VM entry with invalid executive-VMCS pointer'),
  row(17, 'ExecutiveVmcsNotLaunched', 'VM entry with non-launched executive VMCS'),
  row(18, 'ExecutiveVmcsNotVmxonPointer', 'VM entry with executive-VMCS pointer not VMXON pointer (when attempting to deactivate the dual-monitor treatment of SMIs and SMM)'),
  row(19, 'VmcallNotClear', 'VMCALL with non-clear VMCS (when attempting to activate the dual-monitor treatment of SMIs and SMM)'),
  row(20, 'VmcallExitControls', 'VMCALL with invalid VM-exit control fields'),
  row(22, 'VmcallMsegRevision', 'VMCALL with incorrect MSEG revision identifier (when attempting to activate the dual-monitor treatment of SMIs and SMM)'),
  row(23, 'VmxoffUnderDualMonitor', 'VMXOFF under dual-monitor treatment of SMIs and SMM'),
  row(24, 'VmcallSmmMonitorFeatures', 'VMCALL with invalid SMM-monitor features (when attempting to activate the dual-monitor treatment of SMIs and SMM)'),
  row(25, 'ExecutiveControls', 'VM entry with invalid VM-execution control fields in executive VMCS (when attempting to return from SMM)'),
  row(26, 'EntryBlockedByMovSs', 'VM entry with events blocked by MOV SS'),
  row(28, 'InvalidateOperand', 'Invalid operand to INVEPT/INVVPID'),
];
