/** The arguments of each hypercall by the names that Xen's headers give them, for traces. */

import { CALLBACKOP } from '../../../xen/callback.ts';
import { CONSOLEIO } from '../../../xen/console.ts';
import { DOMID } from '../../../xen/domid.ts';
import { EVTCHNOP } from '../../../xen/event-channel.ts';
import { GNTTABOP } from '../../../xen/grant-table.ts';
import type { HypercallName } from '../../../xen/hypercalls.ts';
import { XENMEM } from '../../../xen/memory.ts';
import { nameOf } from '../../../xen/names.ts';
import { PHYSDEVOP } from '../../../xen/physdev.ts';
import { SCHEDOP } from '../../../xen/sched.ts';
import { SEGBASE } from '../../../xen/segments.ts';
import { VCPUOP } from '../../../xen/vcpu.ts';
import { XENVER } from '../../../xen/version.ts';
import { VMASST_CMD, VMASST_TYPE } from '../../../xen/vm-assist.ts';
import type { NamedArgument } from '../../exits/qualification.ts';

const PREEMPTED = 1n << 31n;

/** Makes text of a value. */
type Format = (value: bigint) => string;
type Arguments = readonly (readonly [name: string, format: Format])[];

const hex: Format = (value) => `0x${value.toString(16)}`;
/** Of what the headers declare as an int: the upper half says nothing. */
const int: Format = (value) => String(BigInt.asUintN(32, value));
/** Bit 31 says that a slice of the call is done already (MMU_UPDATE_PREEMPTED). */
const entries: Format = (value) => {
  const count = String(BigInt.asUintN(31, value));
  return (value & PREEMPTED) === 0n ? count : `${count} (continued)`;
};
const time: Format = (value) => String(BigInt.asIntN(64, value));

/** One of the constants `prefix`_NAME. */
function constant(prefix: string, values: Readonly<Record<string, number>>): Format {
  return (value) => {
    const number = Number(BigInt.asUintN(32, value));
    const name = nameOf(values, number);
    return name === undefined ? String(number) : `${prefix}_${name}`;
  };
}

const domain = constant('DOMID', { SELF: DOMID.SELF, IO: DOMID.IO, XEN: DOMID.XEN });

const LIST: Arguments = [
  ['list', hex],
  ['count', entries],
  ['done', hex],
  ['foreign', domain],
];
const UPDATE: Arguments = [
  ['va', hex],
  ['val', hex],
  ['flags', hex],
];
const operation = (format: Format): Arguments => [
  ['cmd', format],
  ['arg', hex],
];
const UNNAMED: Arguments = operation(int);
const STRUCTURE: Arguments = [['op', hex]];

const ARGUMENTS: Readonly<Record<HypercallName, Arguments>> = {
  set_trap_table: [['table', hex]],
  mmu_update: LIST,
  set_gdt: [
    ['frames', hex],
    ['entries', int],
  ],
  stack_switch: [
    ['ss', hex],
    ['esp', hex],
  ],
  set_callbacks: [
    ['event', hex],
    ['failsafe', hex],
    ['syscall', hex],
  ],
  fpu_taskswitch: [['set', int]],
  sched_op_compat: operation(constant('SCHEDOP', SCHEDOP)),
  platform_op: STRUCTURE,
  set_debugreg: [
    ['reg', int],
    ['value', hex],
  ],
  get_debugreg: [['reg', int]],
  update_descriptor: [
    ['ma', hex],
    ['desc', hex],
  ],
  memory_op: operation(constant('XENMEM', XENMEM)),
  multicall: [
    ['list', hex],
    ['count', int],
  ],
  update_va_mapping: UPDATE,
  set_timer_op: [['timeout', time]],
  event_channel_op_compat: STRUCTURE,
  xen_version: operation(constant('XENVER', XENVER)),
  console_io: [
    ['cmd', constant('CONSOLEIO', CONSOLEIO)],
    ['count', int],
    ['buffer', hex],
  ],
  physdev_op_compat: STRUCTURE,
  grant_table_op: [
    ['cmd', constant('GNTTABOP', GNTTABOP)],
    ['args', hex],
    ['count', int],
  ],
  vm_assist: [
    ['cmd', constant('VMASST_CMD', VMASST_CMD)],
    ['type', constant('VMASST_TYPE', VMASST_TYPE)],
  ],
  update_va_mapping_otherdomain: [...UPDATE, ['domid', domain]],
  iret: [],
  vcpu_op: [
    ['cmd', constant('VCPUOP', VCPUOP)],
    ['vcpu', int],
    ['arg', hex],
  ],
  set_segment_base: [
    ['which', constant('SEGBASE', SEGBASE)],
    ['base', hex],
  ],
  mmuext_op: LIST,
  xsm_op: STRUCTURE,
  nmi_op: UNNAMED,
  sched_op: operation(constant('SCHEDOP', SCHEDOP)),
  callback_op: operation(constant('CALLBACKOP', CALLBACKOP)),
  xenoprof_op: UNNAMED,
  event_channel_op: operation(constant('EVTCHNOP', EVTCHNOP)),
  physdev_op: operation(constant('PHYSDEVOP', PHYSDEVOP)),
  hvm_op: UNNAMED,
  sysctl: STRUCTURE,
  domctl: STRUCTURE,
  kexec_op: UNNAMED,
  tmem_op: STRUCTURE,
  argo_op: UNNAMED,
  xenpmu_op: UNNAMED,
  dm_op: [
    ['domid', domain],
    ['count', int],
    ['bufs', hex],
  ],
  hypfs_op: UNNAMED,
};

/** What the call was given; nothing is known of a call that has no name. */
export function namedArguments(
  name: HypercallName | undefined,
  values: readonly bigint[],
): readonly NamedArgument[] {
  if (name === undefined) return [];
  return ARGUMENTS[name].map(([argument, format], n) => {
    const value = values[n] ?? 0n;
    return { name: argument, value, text: format(value) };
  });
}
