/**
 * The controls of a VMCS that this processor offers (SDM 3C 25.6 VM-Execution Control Fields, 25.7 VM-Exit Control
 * Fields, 25.8 VM-Entry Control Fields), and the bits that must be 1 whatever they do (SDM 3D Appendix A.2-A.5: the
 * default1 class). All others read as not allowed in the capability MSRs.
 */

/** Kinds of control, each a 32-bit field. */
export const CONTROL_FIELDS = {
  pin: 'PIN_BASED_VM_EXECUTION_CONTROLS',
  primary: 'PRIMARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS',
  secondary: 'SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS',
  exit: 'VM_EXIT_CONTROLS',
  entry: 'VM_ENTRY_CONTROLS',
} as const;
export type ControlKind = keyof typeof CONTROL_FIELDS;
export const CONTROL_KINDS = Object.keys(CONTROL_FIELDS) as readonly ControlKind[];

/** Reserved bits that are 1 in every VMCS, and controls of the default1 class: what TRUE_ MSRs let be 0. */
interface Defaults {
  readonly default1: number;
  /** Controls of the class, which software that knows the TRUE_ MSRs may clear. */
  readonly clearable: number;
}

// CR3-load and CR3-store exiting may be 0; so may the load and save of debug controls.
export const CONTROL_DEFAULTS: Readonly<Record<ControlKind, Defaults>> = {
  pin: { default1: 0x0000_0016, clearable: 0 },
  primary: { default1: 0x0401_e172, clearable: (1 << 15) | (1 << 16) },
  secondary: { default1: 0, clearable: 0 },
  exit: { default1: 0x0003_6dff, clearable: 1 << 2 },
  entry: { default1: 0x0000_11ff, clearable: 1 << 2 },
};

const row = <N extends string>(kind: ControlKind, bit: number, name: N, sentence: string) => ({
  kind,
  bit,
  name,
  sentence,
});

// biome-ignore format: one control per line.
const ROWS = [
  row('pin', 0, 'EXTERNAL_INTERRUPT_EXITING', 'an external interrupt causes a VM exit'),
  row('pin', 3, 'NMI_EXITING', 'an NMI causes a VM exit'),
  row('pin', 5, 'VIRTUAL_NMIS', 'blocking by NMI tells of virtual NMIs, whose blocking IRET removes'),
  row('pin', 6, 'ACTIVATE_VMX_PREEMPTION_TIMER', 'the VMX-preemption timer counts down, and causes a VM exit at 0'),

  row('primary', 2, 'INTERRUPT_WINDOW_EXITING', 'a VM exit as soon as RFLAGS.IF is 1 and nothing blocks interrupts'),
  row('primary', 3, 'USE_TSC_OFFSETTING', 'RDTSC, RDTSCP and RDMSR of the TSC add TSC_OFFSET'),
  row('primary', 7, 'HLT_EXITING', 'HLT causes a VM exit'),
  row('primary', 9, 'INVLPG_EXITING', 'INVLPG causes a VM exit, and INVPCID where it is enabled'),
  row('primary', 10, 'MWAIT_EXITING', 'MWAIT causes a VM exit'),
  row('primary', 11, 'RDPMC_EXITING', 'RDPMC causes a VM exit'),
  row('primary', 12, 'RDTSC_EXITING', 'RDTSC and RDTSCP cause a VM exit'),
  row('primary', 15, 'CR3_LOAD_EXITING', 'MOV to CR3 causes a VM exit, except for CR3-target values'),
  row('primary', 16, 'CR3_STORE_EXITING', 'MOV from CR3 causes a VM exit'),
  row('primary', 19, 'CR8_LOAD_EXITING', 'MOV to CR8 causes a VM exit'),
  row('primary', 20, 'CR8_STORE_EXITING', 'MOV from CR8 causes a VM exit'),
  row('primary', 22, 'NMI_WINDOW_EXITING', 'a VM exit as soon as nothing blocks virtual NMIs'),
  row('primary', 23, 'MOV_DR_EXITING', 'MOV to or from a debug register causes a VM exit'),
  row('primary', 24, 'UNCONDITIONAL_IO_EXITING', 'every I/O instruction causes a VM exit, unless the bitmaps are used'),
  row('primary', 25, 'USE_IO_BITMAPS', 'the I/O bitmaps tell which ports cause a VM exit'),
  row('primary', 27, 'MONITOR_TRAP_FLAG', 'a VM exit after each instruction'),
  row('primary', 28, 'USE_MSR_BITMAPS', 'the MSR bitmaps tell which registers cause a VM exit; without them all do'),
  row('primary', 29, 'MONITOR_EXITING', 'MONITOR causes a VM exit'),
  row('primary', 30, 'PAUSE_EXITING', 'PAUSE causes a VM exit'),
  row('primary', 31, 'ACTIVATE_SECONDARY_CONTROLS', 'the secondary controls count; without it all of them are 0'),

  row('secondary', 1, 'ENABLE_EPT', 'guest-physical addresses go through the EPT'),
  row('secondary', 2, 'DESCRIPTOR_TABLE_EXITING', 'LGDT, LIDT, LLDT, LTR, SGDT, SIDT, SLDT and STR cause a VM exit'),
  row('secondary', 3, 'ENABLE_RDTSCP', 'RDTSCP is there; without it the guest gets #UD'),
  row('secondary', 5, 'ENABLE_VPID', 'cached translations carry the VPID, and VM entries and exits keep them'),
  row('secondary', 6, 'WBINVD_EXITING', 'WBINVD causes a VM exit'),
  row('secondary', 7, 'UNRESTRICTED_GUEST', 'the guest may run without paging, and in real-address mode'),
  row('secondary', 12, 'ENABLE_INVPCID', 'INVPCID is there; without it the guest gets #UD'),
  row('secondary', 17, 'ENABLE_PML', 'writes that set a dirty flag of the EPT are logged'),

  row('exit', 2, 'SAVE_DEBUG_CONTROLS', 'VM exits save DR7 and IA32_DEBUGCTL'),
  row('exit', 9, 'HOST_ADDRESS_SPACE_SIZE', 'the host is in 64-bit mode after a VM exit'),
  row('exit', 15, 'ACKNOWLEDGE_INTERRUPT_ON_EXIT', 'a VM exit for an external interrupt takes its vector from the interrupt controller'),
  row('exit', 18, 'SAVE_IA32_PAT', 'VM exits save IA32_PAT'),
  row('exit', 19, 'LOAD_HOST_IA32_PAT', 'VM exits load IA32_PAT'),
  row('exit', 20, 'SAVE_IA32_EFER', 'VM exits save IA32_EFER'),
  row('exit', 21, 'LOAD_HOST_IA32_EFER', 'VM exits load IA32_EFER'),
  row('exit', 22, 'SAVE_VMX_PREEMPTION_TIMER_VALUE', 'VM exits save the VMX-preemption timer'),

  row('entry', 2, 'LOAD_DEBUG_CONTROLS', 'VM entry loads DR7 and IA32_DEBUGCTL'),
  row('entry', 9, 'IA_32E_MODE_GUEST', 'the guest is in IA-32e mode after VM entry'),
  row('entry', 14, 'LOAD_IA32_PAT', 'VM entry loads IA32_PAT'),
  row('entry', 15, 'LOAD_IA32_EFER', 'VM entry loads IA32_EFER'),
] as const;

export type ControlName = (typeof ROWS)[number]['name'];

export interface Control {
  readonly kind: ControlKind;
  readonly bit: number;
  readonly name: ControlName;
  /** What a 1 does. */
  readonly sentence: string;
}

export const CONTROLS: readonly Control[] = ROWS;

/** What a control field may hold: bits that may be 1, bits that must be 1. */
export interface AllowedSettings {
  readonly allowed1: number;
  readonly required1: number;
}

/** As the MSR without TRUE in its name has it: the whole default1 class must be 1. */
export function allowedSettings(kind: ControlKind): AllowedSettings {
  const { default1 } = CONTROL_DEFAULTS[kind];
  const offered = CONTROLS.filter((control) => control.kind === kind);
  const allowed1 = offered.reduce((bits, { bit }) => bits | (1 << bit), default1);
  return { allowed1: allowed1 >>> 0, required1: default1 };
}

/** As IA32_VMX_TRUE_*_CTLS has it, and VM entry checks: controls of the default1 class may be 0. */
export function trueSettings(kind: ControlKind): AllowedSettings {
  const { allowed1, required1 } = allowedSettings(kind);
  return { allowed1, required1: required1 & ~CONTROL_DEFAULTS[kind].clearable };
}
