/**
 * RDMSR and WRMSR in the guest's kernel (SDM 4 2.1). What is not listed raises #GP, and so do what tells or takes nothing
 * in a guest, as the registers of SYSCALL, whose entry points are callbacks. While the guest has no handler for #GP yet,
 * registers that the processor has read as 0.
 *
 * DIVERGES: there is no bank of machine checks, as on this machine, where Xen has two.
 */

import { GP } from '../../../base/vector.ts';
import { platformInfo } from '../../../machine/features.ts';
import { isCanonical } from '../../../xen/address-space.ts';
import { PAGE_SHIFT, PAGE_SIZE } from '../../frames.ts';
import type { GuestCode, ModelState, TrapState } from './guest.ts';
import { DONE, type Effect, REFUSED } from './outcome.ts';
import { HYPERCALL_PAGE_MSR } from './pv-cpuid.ts';
import { RCX, readPair, readU32, writePair } from './registers.ts';

type Guest = GuestCode & ModelState & TrapState;

const IA32_TIME_STAMP_COUNTER = 0x10;
export const IA32_PLATFORM_ID = 0x17;
const IA32_APIC_BASE = 0x1b;
export const IA32_BIOS_SIGN_ID = 0x8b;
const MSR_PLATFORM_INFO = 0xce;
const IA32_MPERF = 0xe7;
const IA32_APERF = 0xe8;
const MSR_MISC_FEATURES_ENABLES = 0x140;
const IA32_MCG_CAP = 0x179;
const IA32_MCG_STATUS = 0x17a;
const IA32_PERF_STATUS = 0x198;
const IA32_PERF_CTL = 0x199;
const IA32_CLOCK_MODULATION = 0x19a;
export const IA32_MISC_ENABLE = 0x1a0;
const IA32_ENERGY_PERF_BIAS = 0x1b0;
export const IA32_PAT = 0x277;
const IA32_PERF_CAPABILITIES = 0x345;
export const IA32_EFER = 0xc000_0080;
const IA32_FS_BASE = 0xc000_0100;
const IA32_GS_BASE = 0xc000_0101;
const IA32_KERNEL_GS_BASE = 0xc000_0102;
const IA32_TSC_AUX = 0xc000_0103;

/** Enabled, of the first processor, where it is after a reset. */
const APIC_BASE = 0xfee0_0900n;
/** SCE, LME, LMA, NXE. */
const EFER_SHOWN = 0xd01n;
/** MISC_ENABLE: performance monitoring and MONITOR are not there, nor are BTS, PEBS and xTPR messages. */
const MISC_ENABLE_HIDDEN = (1n << 7n) | (1n << 18n);
const MISC_ENABLE_SET = (1n << 11n) | (1n << 12n) | (1n << 23n);
const CPUID_FAULTING = 1n;

/** Counters, what they count, and what controls them: they read as 0, and writes do nothing. */
const PERFORMANCE: readonly (readonly [first: number, last: number])[] = [
  [0xc1, 0xc8],
  [0x186, 0x189],
  [0x309, 0x30b],
  [0x38d, 0x390],
];

/** Above these lie the hypervisor's. */
const HYPERVISOR_MSRS = 0x4000;

type Reader = (guest: Guest) => bigint | undefined;
/** False: not this value. */
type Writer = (guest: Guest, value: bigint) => boolean;

const zero = (): bigint => 0n;
const nothing = (): boolean => true;

const READERS: ReadonlyMap<number, Reader> = new Map<number, Reader>([
  [IA32_TIME_STAMP_COUNTER, (guest) => guest.tsc],
  [IA32_PLATFORM_ID, ({ native }) => native.msr(IA32_PLATFORM_ID)],
  [IA32_APIC_BASE, () => APIC_BASE],
  [IA32_BIOS_SIGN_ID, ({ native }) => native.msr(IA32_BIOS_SIGN_ID)],
  [MSR_PLATFORM_INFO, ({ features }) => platformInfo(features)],
  [MSR_MISC_FEATURES_ENABLES, (guest) => (guest.hasCpuidFaulting ? CPUID_FAULTING : 0n)],
  [IA32_MCG_CAP, zero],
  [IA32_MCG_STATUS, zero],
  [IA32_PERF_STATUS, zero],
  [IA32_PERF_CTL, zero],
  [IA32_MISC_ENABLE, miscEnable],
  [IA32_PAT, ({ native }) => native.msr(IA32_PAT)],
  [IA32_PERF_CAPABILITIES, zero],
  [HYPERCALL_PAGE_MSR, zero],
  [IA32_EFER, efer],
  [IA32_FS_BASE, (guest) => guest.fsBase],
  [IA32_GS_BASE, (guest) => guest.gsBase],
  [IA32_KERNEL_GS_BASE, (guest) => guest.gsBaseUser],
  [IA32_TSC_AUX, (guest) => (guest.features.has('rdtscp') ? guest.tscAux : undefined)],
]);

const WRITERS: ReadonlyMap<number, Writer> = new Map<number, Writer>([
  [IA32_BIOS_SIGN_ID, (_, value) => value === 0n],
  [IA32_MPERF, nothing],
  [IA32_APERF, nothing],
  [MSR_MISC_FEATURES_ENABLES, writeMiscFeatures],
  [IA32_MCG_STATUS, (_, value) => value === 0n],
  [IA32_PERF_CTL, nothing],
  [IA32_CLOCK_MODULATION, nothing],
  [IA32_MISC_ENABLE, (guest) => miscEnable(guest) !== undefined],
  [IA32_ENERGY_PERF_BIAS, nothing],
  [HYPERCALL_PAGE_MSR, writeHypercallPage],
  // Kernels write back what they have read.
  [IA32_EFER, (guest, value) => value === efer(guest)],
  [IA32_FS_BASE, baseWriter('fsBase')],
  [IA32_GS_BASE, baseWriter('gsBase')],
  [IA32_KERNEL_GS_BASE, baseWriter('gsBaseUser')],
  [IA32_TSC_AUX, writeTscAux],
]);

function miscEnable({ native }: Guest): bigint | undefined {
  const value = native.msr(IA32_MISC_ENABLE);
  return value === undefined ? undefined : (value & ~MISC_ENABLE_HIDDEN) | MISC_ENABLE_SET;
}

function efer({ native }: Guest): bigint {
  return (native.msr(IA32_EFER) ?? 0n) & EFER_SHOWN;
}

function baseWriter(base: 'fsBase' | 'gsBase' | 'gsBaseUser'): Writer {
  return (guest, value) => {
    if (!isCanonical(value)) return false;
    guest[base] = value;
    return true;
  };
}

function writeMiscFeatures(guest: Guest, value: bigint): boolean {
  const can = guest.features.has('cpuid_fault') ? CPUID_FAULTING : 0n;
  if ((value & ~can) !== 0n) return false;
  guest.hasCpuidFaulting = value === CPUID_FAULTING;
  return true;
}

function writeHypercallPage(guest: Guest, value: bigint): boolean {
  const isFirst = value % BigInt(PAGE_SIZE) === 0n;
  return isFirst && guest.writeHypercallPage(value >> BigInt(PAGE_SHIFT));
}

function writeTscAux(guest: Guest, value: bigint): boolean {
  if (!guest.features.has('rdtscp') || value >> 32n !== 0n) return false;
  guest.tscAux = value;
  return true;
}

function isPerformance(msr: number): boolean {
  return PERFORMANCE.some(([first, last]) => msr >= first && msr <= last);
}

export function readMsr(guest: Guest): Effect {
  if (!guest.isKernel) return REFUSED;
  const value = shownValue(guest, readU32(guest, RCX));
  if (value === undefined) return REFUSED;
  writePair(guest, value);
  return DONE;
}

function shownValue(guest: Guest, msr: number): bigint | undefined {
  const value = isPerformance(msr) ? 0n : READERS.get(msr)?.(guest);
  return value ?? (isExcused(guest, msr) ? 0n : undefined);
}

/** The guest could not handle the fault, and on the processor alone there would be none. */
function isExcused(guest: Guest, msr: number): boolean {
  const isXen = msr >>> 16 === HYPERVISOR_MSRS;
  return guest.traps.trap(GP).address === 0n && !isXen && guest.native.msr(msr) !== undefined;
}

export function writeMsr(guest: Guest): Effect {
  if (!guest.isKernel) return REFUSED;
  const msr = readU32(guest, RCX);
  const isTaken = isPerformance(msr) || WRITERS.get(msr)?.(guest, readPair(guest)) === true;
  return isTaken ? DONE : REFUSED;
}
