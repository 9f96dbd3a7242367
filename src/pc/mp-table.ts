/**
 * The tables of the Intel MultiProcessor Specification 1.4 (chapter 4, MP Configuration Table): a floating
 * pointer, and a configuration table with one processor, the ISA bus, the I/O APIC and where each interrupt
 * goes. Kernels from before ACPI look for them.
 */

import { IO_APIC_VERSION } from '../devices/io-apic.ts';
import { APIC_VERSION_VALUE } from '../devices/local-apic-registers.ts';
import { SIGNATURE } from '../machine/features.ts';
import { IO_APIC_BASE, LOCAL_APIC_BASE, SCI_IRQ, TIMER_PIN } from './interrupts.ts';
import { ascii, sealWithChecksum, u8, u16, u32, zeroes } from './table-bytes.ts';

const SPECIFICATION = 4; // 1.4
const POINTER_BYTES = 16;
const HEADER_BYTES = 44;
const ISA_BUS = 0;
const APIC_ID = 0;
const ALL_APICS = 0xff;
const ENABLED_BOOTSTRAP = 3;
const CASCADE_IRQ = 2;

/** Entry types of interrupt assignments. */
const IO = 3;
const LOCAL = 4;
const BUS_DEFAULT = 0x00; // polarity and trigger mode
const ACTIVE_HIGH_LEVEL = 0x0d;

/** Interrupt types. */
const Type = { INT: 0, NMI: 1, EXTINT: 3 } as const;

/** Floating pointer and configuration table, to be put at `base`, a multiple of 16. */
export function mpTables(base: number, featureFlags: number): Uint8Array {
  return Uint8Array.from([
    ...floatingPointer(base + POINTER_BYTES),
    ...configuration(featureFlags),
  ]);
}

function floatingPointer(table: number): number[] {
  const bytes = [
    ...ascii('_MP_'),
    ...u32(table),
    ...u8(1), // length in units of 16
    ...u8(SPECIFICATION),
    ...u8(0), // checksum
    ...zeroes(5), // a configuration table is there; no IMCR: virtual wire mode
  ];
  return sealWithChecksum(bytes, 10);
}

function configuration(featureFlags: number): number[] {
  const all = entries(featureFlags);
  const body = all.flat();
  const bytes = [
    ...ascii('PCMP'),
    ...u16(HEADER_BYTES + body.length),
    ...u8(SPECIFICATION),
    ...u8(0), // checksum
    ...ascii('TRAPLINE'),
    ...ascii('PC', 12, 0x20),
    ...u32(0), // no OEM table
    ...u16(0),
    ...u16(all.length),
    ...u32(LOCAL_APIC_BASE),
    ...zeroes(4), // no extended table
    ...body,
  ];
  return sealWithChecksum(bytes, 7);
}

/** The entries, in the order of their types. */
function entries(featureFlags: number): number[][] {
  const processor = [0, APIC_ID, APIC_VERSION_VALUE & 0xff, ENABLED_BOOTSTRAP];
  const lines = Array.from({ length: 16 }, (_, irq) => irq).filter((irq) => irq !== CASCADE_IRQ);
  return [
    [...processor, ...u32(SIGNATURE), ...u32(featureFlags), ...zeroes(8)],
    [1, ISA_BUS, ...ascii('ISA', 6, 0x20)],
    [2, 0, IO_APIC_VERSION, 1, ...u32(IO_APIC_BASE)],
    interrupt(IO, Type.EXTINT, 0, 0, 0), // the output of the 8259 pair, on pin 0
    ...lines.map((irq) => interrupt(IO, Type.INT, irq, 0, irq === 0 ? TIMER_PIN : irq)),
    interrupt(LOCAL, Type.EXTINT, 0, APIC_ID, 0), // and on LINT0
    interrupt(LOCAL, Type.NMI, 0, ALL_APICS, 1),
  ];
}

/** An assignment of line `irq` to `pin` of an APIC; `entry` is IO or LOCAL. */
function interrupt(entry: number, type: number, irq: number, apic: number, pin: number): number[] {
  const flags = irq === SCI_IRQ ? ACTIVE_HIGH_LEVEL : BUS_DEFAULT;
  return [entry, type, ...u16(flags), ISA_BUS, irq, apic, pin];
}
