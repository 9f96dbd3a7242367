/**
 * Why a check failed: one entry per reason that the processor can note when it raises a fault. asm/
 * gets the names as an enum (asm/gen/why.ts), the explanation of a triple fault gets the sentences.
 * `entry` says what the note's address and value are: a page-table entry, a PDPTE register and its number, a
 * descriptor, a gate, a field of the TSS, the linear address or the new RIP that was refused, or none.
 */

export interface WhyEntry {
  readonly name: string;
  readonly text: string;
  readonly entry: 'none' | 'page' | 'pdpte' | 'descriptor' | 'gate' | 'tss' | 'address' | 'rip';
}

const row = (name: string, entry: WhyEntry['entry'], text: string): WhyEntry => ({
  name,
  entry,
  text,
});

// biome-ignore format: one reason per line.
export const WHY: readonly WhyEntry[] = [
  row('None', 'none', 'no reason was noted'),
  // Memory
  row('NonCanonical', 'address', 'the linear address is not canonical'),
  row('Misaligned', 'address', 'the address is not aligned to the operand'),
  row('PageNotPresent', 'page', 'the paging-structure entry is not present'),
  row('PdpteNotPresent', 'pdpte', 'the PDPTE register is not present (MOV to CR3, CR0 and CR4 load it, nothing else)'),
  row('PageReservedBit', 'page', 'the paging-structure entry has a reserved bit set'),
  row('PageReadOnly', 'page', 'the page is read-only'),
  row('PageSupervisor', 'page', 'the page belongs to the supervisor'),
  row('PageNoExecute', 'page', 'the page is not executable (XD)'),
  row('PageSmep', 'page', 'SMEP: supervisor code may not run from a user page'),
  row('PageSmap', 'page', 'SMAP: supervisor may not access a user page'),
  row('PageProtectionKey', 'page', 'the protection key of the page forbids the access'),
  row('SegmentNull', 'none', 'the segment register holds a null selector'),
  row('SegmentLimit', 'none', 'the operand lies beyond the limit of its segment'),
  row('SegmentReadOnly', 'none', 'the segment cannot be written'),
  row('SegmentExecuteOnly', 'none', 'the code segment cannot be read'),
  row('FetchBeyondLimit', 'none', 'the instruction lies beyond the limit of the code segment'),
  // Instructions
  row('Undefined', 'none', 'the bytes are no instruction'),
  row('TooLong', 'none', 'the instruction is longer than 15 bytes'),
  row('LockMisused', 'none', 'LOCK on an instruction that does not take it'),
  row('FeatureAbsent', 'none', 'this processor lacks the instruction, or a control bit switches it off'),
  row('Privileged', 'none', 'the instruction is privileged'),
  row('IoPrivilege', 'none', 'CPL is greater than IOPL'),
  row('PortRefused', 'tss', 'the I/O permission bitmap of the TSS refuses the port'),
  row('OperandValue', 'none', 'a register or memory operand has a value that the instruction refuses'),
  row('AboveCpl0', 'none', 'the instruction exists at CPL 0 only'),
  row('VmxOutside', 'none', 'the processor is not in VMX operation'),
  row('VmxDisabled', 'none', 'CR4.VMXE is clear'),
  row('VmxCompatibility', 'none', 'VMX instructions do not exist in compatibility mode'),
  row('VmxLocked', 'none', 'IA32_FEATURE_CONTROL does not allow VMXON'),
  row('VmxFixedBits', 'none', 'VMX operation does not allow the value of a bit of CR0 or CR4'),
  row('VmxControl', 'none', 'a control of the VMCS is clear without which the guest does not have the instruction'),
  row('DivideByZero', 'none', 'the divisor is 0'),
  row('OutOfBounds', 'none', 'the index lies outside its bounds'),
  row('QuotientTooLarge', 'none', 'the quotient does not fit its register'),
  // Descriptors and selectors
  row('NullSelector', 'none', 'the selector is null'),
  row('TableLimit', 'descriptor', 'the selector lies beyond the limit of its descriptor table'),
  row('SelectorInLdt', 'descriptor', 'the selector names the LDT, where only the GDT will do'),
  row('DescriptorType', 'descriptor', 'the descriptor has the wrong type'),
  row('DescriptorPrivilege', 'descriptor', 'CPL, the RPL of the selector and the DPL do not allow it'),
  row('DescriptorNotPresent', 'descriptor', 'the descriptor is not present'),
  row('DescriptorReserved', 'descriptor', 'reserved bits of the 16-byte descriptor are set'),
  row('DescriptorBase', 'descriptor', 'the base of the descriptor is not canonical'),
  row('CodeNotLong', 'descriptor', 'a gate of long mode leads to code that is not 64-bit (L set, D clear)'),
  row('CodeLongAndDefault', 'descriptor', 'the code descriptor has both L and D set'),
  row('ReturnInward', 'descriptor', 'a return may not lead to an inner ring'),
  // Gates, stacks, targets
  row('IdtLimit', 'gate', 'the vector lies beyond the limit of the IDT'),
  row('GateType', 'gate', 'the IDT entry is not an interrupt or trap gate'),
  row('GatePrivilege', 'gate', 'the DPL of the gate is below CPL or the RPL of the selector'),
  row('GateNotPresent', 'gate', 'the gate is not present'),
  row('TssLimit', 'none', 'the stack pointer lies beyond the limit of the TSS'),
  row('StackNotCanonical', 'none', 'the new stack pointer is not canonical'),
  row('TargetNotCanonical', 'rip', 'the new RIP is not canonical'),
  row('TargetBeyondLimit', 'rip', 'the new instruction pointer lies beyond the limit of the code segment'),
  row('GateTarget', 'gate', 'the target of the gate is not canonical, or beyond the limit of its code segment'),
  row('NestedTask', 'none', 'IRET with RFLAGS.NT set, in long mode'),
  row('SyscallDisabled', 'none', 'EFER.SCE is clear'),
  row('SysenterDisabled', 'none', 'IA32_SYSENTER_CS holds a null selector'),
  // Control, debug and model-specific registers
  row('ControlRegister', 'none', 'there is no such control register'),
  row('ControlReserved', 'none', 'a reserved bit of the control register is set'),
  row('PdpteReserved', 'page', 'the PDPTE that would be loaded has a reserved bit set'),
  row('ControlConflict', 'none', 'the control bits contradict one another or the mode'),
  row('DebugRegister', 'none', 'there is no such debug register'),
  row('DebugReserved', 'none', 'the upper half of a debug register is not 0'),
  row('MsrUnknown', 'none', 'there is no such model-specific register'),
  row('MsrValue', 'none', 'the model-specific register refuses the value'),
  row('CounterUnknown', 'none', 'there is no such performance counter'),
];

/** Text of asm/gen/why.ts. */
export function whyEnum(): string {
  const names = WHY.map(({ name }, value) => `  ${name} = ${value},`).join('\n');
  return `// Written by src/isa/gen.ts from src/base/why.ts.\nexport enum Why {\n${names}\n}\n`;
}
