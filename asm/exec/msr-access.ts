/** rdmsr, wrmsr (SDM 2B RDMSR, 2D WRMSR). The registers are in cpu/msr.ts. */

import { Event } from '../cpu/event';
import { Msr } from '../cpu/msr';
import { Register } from '../cpu/operand';
import { Time } from '../cpu/time';

const RAX: u32 = 0;
const RCX: u32 = 1;
const RDX: u32 = 2;

/** RDMSR: EDX:EAX, upper halves cleared. */
export function rdmsr(i: usize): void {
  const value = Msr.read(<u32>Register.get(RCX), Time.now(i));
  if (Event.raised()) return;
  Register.set(RAX, <u64>(<u32>value));
  Register.set(RDX, value >> 32);
}

/** WRMSR. */
export function wrmsr(i: usize): void {
  const value = (Register.get(RDX) << 32) | <u64>(<u32>Register.get(RAX));
  Msr.write(<u32>Register.get(RCX), value, Time.now(i));
}
