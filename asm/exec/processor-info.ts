/** cpuid, rdtsc, rdtscp, rdpmc (SDM 2A-2B). */

import { Cpuid, CpuidRegister } from '../cpu/cpuid';
import { Event } from '../cpu/event';
import { Register } from '../cpu/operand';
import { Time } from '../cpu/time';
import { Tsc } from '../cpu/tsc';
import { Why } from '../gen/why';
import { TSC_AUX } from '../layout';

const RAX: u32 = 0;
const RCX: u32 = 1;
const RDX: u32 = 2;
const RBX: u32 = 3;

/** CPUID. */
export function cpuid(i: usize): void {
  const leaf = <u32>Register.get(RAX);
  const subleaf = <u32>Register.get(RCX);
  Register.set(RAX, Cpuid.read(leaf, subleaf, CpuidRegister.Eax));
  Register.set(RBX, Cpuid.read(leaf, subleaf, CpuidRegister.Ebx));
  Register.set(RCX, Cpuid.read(leaf, subleaf, CpuidRegister.Ecx));
  Register.set(RDX, Cpuid.read(leaf, subleaf, CpuidRegister.Edx));
}

/** RDTSC. */
export function rdtsc(i: usize): void {
  const tsc = Tsc.read(Time.now(i));
  Register.set(RAX, <u64>(<u32>tsc));
  Register.set(RDX, tsc >> 32);
}

/** RDTSCP. */
export function rdtscp(i: usize): void {
  rdtsc(i);
  Register.set(RCX, load<u64>(TSC_AUX));
}

/** RDPMC: the processor has no performance counters. */
export function rdpmc(i: usize): void {
  Event.gp(0, Why.CounterUnknown);
}
