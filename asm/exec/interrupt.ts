/** int n, int3, int1, into, cli, sti, hlt (SDM 2A-2B). Delivery is cpu/deliver.ts. */

import { EventKind, ExitReason, Raised, Vector } from '../cpu/event';
import { Flags, IF } from '../cpu/flags';
import { Activity } from '../cpu/mode';
import { Rec } from '../cpu/record';
import { SHADOW_STI } from '../cpu/shadow';
import {
  ACTIVITY,
  EVENT_ERROR,
  EVENT_HAS_ERROR,
  EVENT_KIND,
  EVENT_LENGTH,
  EVENT_VECTOR,
  EXIT_REASON,
  RAISED,
  RFLAGS,
  SHADOW,
  SOFTWARE_TYPE,
  VMX_MODE,
} from '../layout';
import { EventType } from '../vmx/interruption';
import { VmxMode } from '../vmx/operation';

/** INT n. */
export function int(i: usize): void {
  raise(i, <u32>Rec.imm(i) & 0xff, EventKind.Software, EventType.Software);
}
/** INT3. */
export function int3(i: usize): void {
  raise(i, Vector.BP, EventKind.Software, EventType.SoftwareException);
}
/** INT1: #DB without a look at the gate's DPL; DR6 stays. */
export function int1(i: usize): void {
  raise(i, Vector.DB, EventKind.PrivilegedSoftware, EventType.Privileged);
}
/** INTO. */
export function into(i: usize): void {
  if (Flags.of()) raise(i, Vector.OF, EventKind.Software, EventType.SoftwareException);
}

function raise(i: usize, vector: u32, kind: u32, type: EventType): void {
  store<u32>(RAISED, Raised.Event);
  store<u32>(EVENT_KIND, kind);
  store<u32>(EVENT_VECTOR, vector);
  store<u32>(EVENT_ERROR, 0);
  store<u32>(EVENT_HAS_ERROR, 0);
  store<u32>(EVENT_LENGTH, Rec.length(i));
  store<u32>(SOFTWARE_TYPE, type);
}

/** CLI. */
export function cli(i: usize): void {
  store<u32>(RFLAGS, load<u32>(RFLAGS) & ~IF);
}
/** STI: the shadow falls only where IF was clear. */
export function sti(i: usize): void {
  if (load<u32>(RFLAGS) & IF) return;
  store<u32>(RFLAGS, load<u32>(RFLAGS) | IF);
  store<u32>(SHADOW, SHADOW_STI);
}

/** HLT: the host lets time pass until an interrupt comes. In VMX non-root operation the next boundary may tell more. */
export function hlt(i: usize): void {
  store<u32>(ACTIVITY, Activity.Halted);
  if (load<u32>(VMX_MODE) == VmxMode.NonRoot) return;
  store<u32>(EXIT_REASON, ExitReason.Halt);
  store<u32>(RAISED, Raised.Exit);
}
