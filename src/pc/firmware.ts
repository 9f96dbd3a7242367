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
import type { CpuView } from '../machine/cpu-view.ts';
import { featureFlags } from '../machine/features.ts';
import type { Machine } from '../machine/machine.ts';
import type { PhysicalMemory } from '../machine/memory.ts';
import { BIOS, BIOS_DATA, EXTENDED_BIOS_DATA } from '../machine/memory-map.ts';
import { acpiTables } from './acpi/tables.ts';
import { mpTables } from './mp-table.ts';
import { Port } from './ports.ts';

/** Puts the machine into the state in which firmware would start a kernel. */
export function installFirmware(machine: Machine, localApic: LocalApic, rtc: Rtc): void {
  const { memory, processor } = machine;
  enterVirtualWireMode(localApic);
  setMemoryTypes(processor.view);
  fillCmos(rtc, memory.size);
  writeBiosData(memory);
  clearScreen(memory);
  writeTables(memory, featureFlags(processor.features));
}

const SPURIOUS_VECTOR = 0xff;
const LVT_EXTINT_LEVEL = 0x8700;
const LVT_NMI_LEVEL = 0x8400;

/**
 * Virtual wire mode (Intel MultiProcessor Specification 3.6.2.2): LINT0 lets the 8259 pair through, as
 * if there were no APIC.
 */
function enterVirtualWireMode(apic: LocalApic): void {
  const lvt = (n: number): number => APIC_LVT + n * APIC_REGISTER_BYTES;
  apic.writeMmio(APIC_SVR, 4, BigInt(SVR_ENABLE | SPURIOUS_VECTOR));
  apic.writeMmio(lvt(Lvt.LINT0), 4, BigInt(LVT_EXTINT_LEVEL));
  apic.writeMmio(lvt(Lvt.LINT1), 4, BigInt(LVT_NMI_LEVEL));
}

const WRITE_BACK = 0x0606060606060606n;
const WRITE_PROTECTED = 0x0505050505050505n;
/** IA32_MTRR_DEF_TYPE: ranges and fixed ranges enabled, the rest of memory write-back. */
const MTRRS_ENABLED = 0xc06n;
/** Of variable range 0: uncacheable from 3 GiB to 4 GiB, where the APICs are. */
const DEVICES_BASE = 0xc0000000n;
const DEVICES_MASK = 0xffc0000800n;

/**
 * The memory type range registers (SDM 3A Memory Type Range Registers), which this processor only stores: kernels that find
 * them off leave the PAT off too.
 */
function setMemoryTypes(view: CpuView): void {
  const put = (array: string, ...values: bigint[]): void =>
    values.forEach((value, n) => {
      view.data.setBigUint64(view.layout(array) + 8 * n, value, true);
    });
  const bios = new Array<bigint>(8).fill(WRITE_PROTECTED); // from 0xc0000 to 1 MiB
  put('MTRR_FIXED', WRITE_BACK, WRITE_BACK, 0n, ...bios); // display memory is uncacheable
  put('MTRR_VARIABLE', DEVICES_BASE, DEVICES_MASK);
  view.setU64('MTRR_DEF_TYPE', MTRRS_ENABLED);
}

const TEXT_MEMORY = 0xb8000;
const TEXT_BYTES = 0x8000;

const KIB = 2 ** 10;
const MIB = 2 ** 20;
/** The KiB below 640 that the extended BIOS data area takes. */
const BASE_MEMORY_KIB = EXTENDED_BIOS_DATA / KIB;

/** The sizes of RAM in the memory of the real-time clock (IBM PC AT Technical Reference), as QEMU puts them. */
function fillCmos(rtc: Rtc, ramBytes: number): void {
  const put = (index: number, value: number): void => rtc.store(index, value & 0xff, value >> 8);
  const extended = Math.min((ramBytes - MIB) / KIB, 0xffff);
  put(0x15, 640); // KiB below 1 MiB
  put(0x17, extended); // KiB above 1 MiB
  put(0x30, extended);
  put(0x34, Math.max(0, Math.floor((ramBytes - 16 * MIB) / (64 * KIB)))); // 64 KiB above 16 MiB
}

/** The BIOS data areas (IBM BIOS Interface Technical Reference): what a kernel may look up there. */
function writeBiosData(memory: PhysicalMemory): void {
  const put = (offset: number, ...bytes: number[]): void =>
    memory.write(BIOS_DATA + offset, Uint8Array.from(bytes));
  const word = (value: number): [number, number] => [value & 0xff, value >> 8];
  put(0x00, ...word(Port.COM1), ...word(Port.COM2));
  put(0x0e, ...word(EXTENDED_BIOS_DATA / 16)); // segment of the extended area
  put(0x10, ...word(0x0420)); // equipment: two serial ports, colour display with 80 columns
  put(0x13, ...word(BASE_MEMORY_KIB));
  put(0x49, 3, ...word(80), ...word(0x1000)); // display mode, columns, bytes of a page
  put(0x60, 14, 13); // last and first line of the cursor
  put(0x63, ...word(0x3d4)); // port of the CRT controller
  put(0x84, 24, ...word(16)); // rows less one, lines of a character
  memory.write(EXTENDED_BIOS_DATA, Uint8Array.of(1)); // its size in KiB
}

/** The text screen: grey blanks on black. */
function clearScreen(memory: PhysicalMemory): void {
  const cells = new Uint16Array(TEXT_BYTES / 2).fill(0x0720);
  memory.write(TEXT_MEMORY, new Uint8Array(cells.buffer));
}

/** ACPI and MP tables in the BIOS's area. `featureFlags` are CPUID.1:EDX. */
function writeTables(memory: PhysicalMemory, featureFlags: number): void {
  const acpi = acpiTables(BIOS);
  const mpBase = BIOS + Math.ceil(acpi.length / 16) * 16;
  memory.write(BIOS, acpi);
  memory.write(mpBase, mpTables(mpBase, featureFlags));
}
