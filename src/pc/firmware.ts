/**
 * What firmware leaves behind when it starts a kernel: this machine has none, so the PC does it at
 * power-on, with the values of SeaBIOS, QEMU's firmware.
 */

import type { LocalApic } from '../devices/local-apic.ts';
import {
  APIC_LVT,
  APIC_REGISTER_BYTES,
  APIC_SVR,
  Lvt,
  SVR_ENABLE,
} from '../devices/local-apic-registers.ts';
import type { Rtc } from '../devices/rtc.ts';

const SPURIOUS_VECTOR = 0xff;
const LVT_EXTINT_LEVEL = 0x8700;
const LVT_NMI_LEVEL = 0x8400;

/**
 * Virtual wire mode (Intel MultiProcessor Specification 3.6.2.2): LINT0 lets the 8259 pair through, as
 * if there were no APIC.
 */
export function enterVirtualWireMode(apic: LocalApic): void {
  const lvt = (n: number): number => APIC_LVT + n * APIC_REGISTER_BYTES;
  apic.writeMmio(APIC_SVR, 4, BigInt(SVR_ENABLE | SPURIOUS_VECTOR));
  apic.writeMmio(lvt(Lvt.LINT0), 4, BigInt(LVT_EXTINT_LEVEL));
  apic.writeMmio(lvt(Lvt.LINT1), 4, BigInt(LVT_NMI_LEVEL));
}

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** The sizes of RAM in the memory of the real-time clock (IBM PC AT Technical Reference), as QEMU puts them. */
export function fillCmos(rtc: Rtc, ramBytes: number): void {
  const put = (index: number, value: number): void => rtc.store(index, value & 0xff, value >> 8);
  const extended = Math.min((ramBytes - MIB) / KIB, 0xffff);
  put(0x15, 640); // KiB below 1 MiB
  put(0x17, extended); // KiB above 1 MiB
  put(0x30, extended);
  put(0x34, Math.max(0, Math.floor((ramBytes - 16 * MIB) / (64 * KIB)))); // 64 KiB above 16 MiB
}
