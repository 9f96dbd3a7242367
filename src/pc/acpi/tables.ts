/**
 * The ACPI tables of the PC (ACPI 6.4 section 5.2, ACPI System Description Tables): RSDP, RSDT, XSDT, FADT,
 * FACS, DSDT and MADT. They describe what QEMU's describe of its board as far as this board has it, with the
 * same ports and interrupts. There is no HPET and no PCI.
 */

import { ACPI_DISABLE, ACPI_ENABLE, S5_SLEEP_TYPE } from '../../devices/acpi-pm.ts';
import { CENTURY } from '../../devices/rtc-calendar.ts';
import { IO_APIC_BASE, LOCAL_APIC_BASE, SCI_IRQ, TIMER_PIN } from '../interrupts.ts';
import { Port } from '../ports.ts';
import { ascii, sealWithChecksum, u8, u16, u32, u64, zeroes } from '../table-bytes.ts';
import { amlInteger, amlName, amlPackage } from './aml.ts';

const OEM = 'TRAPLN';
const OEM_TABLE = 'TRAPLINE';
const CREATOR = 'TRPL';

const HEADER_BYTES = 36;
const CHECKSUM_PLACE = 9; // in a table's header
const RSDP_BYTES = 36;
const RSDP_V1_BYTES = 20;
const FACS_BYTES = 64;
const TABLE_ALIGNMENT = 64; // what FACS wants; more than the others do

/** All tables, to be put at `base`, a multiple of 64: the RSDP comes first. */
export function acpiTables(base: number): Uint8Array {
  const memory: number[] = zeroes(RSDP_BYTES);
  const put = (table: number[]): number => {
    memory.push(...zeroes(-memory.length & (TABLE_ALIGNMENT - 1)));
    const address = base + memory.length;
    memory.push(...table);
    return address;
  };
  const facsAddress = put(facs());
  const dsdtAddress = put(dsdt());
  const listed = [put(fadt(facsAddress, dsdtAddress)), put(madt())];
  const rsdt = put(table('RSDT', 1, listed.flatMap(u32)));
  const xsdt = put(table('XSDT', 1, listed.flatMap(u64)));
  memory.splice(0, RSDP_BYTES, ...rsdp(rsdt, xsdt));
  return Uint8Array.from(memory);
}

function rsdp(rsdt: number, xsdt: number): number[] {
  const bytes = [
    ...ascii('RSD PTR '),
    ...u8(0), // checksum of what ACPI 1.0 defined
    ...ascii(OEM),
    ...u8(2), // revision
    ...u32(rsdt),
    ...u32(RSDP_BYTES),
    ...u64(xsdt),
    ...u8(0), // checksum of everything
    ...zeroes(3),
  ];
  return sealWithChecksum(sealWithChecksum(bytes, 8, RSDP_V1_BYTES), 32);
}

/** A table with its header (ACPI 6.4 5.2.6 System Description Table Header). */
function table(signature: string, revision: number, body: number[]): number[] {
  const bytes = [
    ...ascii(signature),
    ...u32(HEADER_BYTES + body.length),
    ...u8(revision),
    ...u8(0), // checksum
    ...ascii(OEM),
    ...ascii(OEM_TABLE),
    ...u32(1), // OEM revision
    ...ascii(CREATOR),
    ...u32(1), // creator revision
    ...body,
  ];
  return sealWithChecksum(bytes, CHECKSUM_PLACE);
}

/** Firmware ACPI Control Structure: a lock and a waking vector that nobody uses. */
function facs(): number[] {
  return [...ascii('FACS'), ...u32(FACS_BYTES), ...zeroes(FACS_BYTES - 8)];
}

/** The DSDT says which sleep type is S5; PM1b does not exist. */
function dsdt(): number[] {
  const type = amlInteger(S5_SLEEP_TYPE);
  return table('DSDT', 1, amlName('\\_S5_', amlPackage(type, type, amlInteger(0), amlInteger(0))));
}

const FADT_WBINVD = 1 << 0;
const FADT_PROC_C1 = 1 << 2; // HLT
const FADT_NO_POWER_BUTTON = 1 << 4;
const FADT_NO_SLEEP_BUTTON = 1 << 5;
const FADT_NO_RTC_WAKE = 1 << 6;
const FADT_RESET_REG = 1 << 10;
const FADT_FLAGS =
  FADT_WBINVD |
  FADT_PROC_C1 |
  FADT_NO_POWER_BUTTON |
  FADT_NO_SLEEP_BUTTON |
  FADT_NO_RTC_WAKE |
  FADT_RESET_REG;
const BOOT_LEGACY_DEVICES = 1 << 0;
const BOOT_8042 = 1 << 1;
const NO_C_STATE = 0xfff; // latency of C2 and C3
const RESET_VALUE = 0x0f;

const EVENT_BYTES = 4;
const CONTROL_BYTES = 2;
const TIMER_BYTES = 4;

/** Fixed ACPI Description Table, revision 3 (ACPI 6.4 5.2.9). */
function fadt(facsAddress: number, dsdtAddress: number): number[] {
  const body = [
    ...u32(facsAddress),
    ...u32(dsdtAddress),
    ...u8(0),
    ...u8(0), // preferred profile: unspecified
    ...u16(SCI_IRQ),
    ...u32(Port.APM),
    ...u8(ACPI_ENABLE),
    ...u8(ACPI_DISABLE),
    ...zeroes(2), // S4BIOS_REQ, PSTATE_CNT
    ...[...u32(Port.PM1A_EVENT), ...u32(0)],
    ...[...u32(Port.PM1A_CONTROL), ...u32(0)],
    ...u32(0), // PM2
    ...u32(Port.PM_TIMER),
    ...zeroes(8), // GPE0, GPE1
    ...[EVENT_BYTES, CONTROL_BYTES, 0, TIMER_BYTES, 0, 0, 0, 0],
    ...[...u16(NO_C_STATE), ...u16(NO_C_STATE)],
    ...zeroes(4), // FLUSH_SIZE, FLUSH_STRIDE
    ...zeroes(4), // DUTY_OFFSET, DUTY_WIDTH, DAY_ALRM, MON_ALRM
    ...u8(CENTURY),
    ...u16(BOOT_LEGACY_DEVICES | BOOT_8042),
    ...u8(0),
    ...u32(FADT_FLAGS),
    ...portAddress(Port.RESET, 8),
    ...u8(RESET_VALUE),
    ...zeroes(3),
    ...[...u64(facsAddress), ...u64(dsdtAddress)],
    ...[...portAddress(Port.PM1A_EVENT, 32), ...NO_ADDRESS],
    ...[...portAddress(Port.PM1A_CONTROL, 16), ...NO_ADDRESS],
    ...NO_ADDRESS,
    ...portAddress(Port.PM_TIMER, 32),
    ...[...NO_ADDRESS, ...NO_ADDRESS],
  ];
  return table('FACP', 3, body);
}

const SYSTEM_IO = 1;

/** Generic Address Structure of a register in port space (ACPI 6.4 5.2.3.2). */
function portAddress(port: number, bits: number): number[] {
  return [SYSTEM_IO, bits, 0, 0, ...u64(port)];
}

const NO_ADDRESS = zeroes(12);

const PCAT_COMPAT = 1; // there is an 8259 pair too
const ACTIVE_HIGH_LEVEL = 0x0d;
const BUS_DEFAULT = 0;

/** Multiple APIC Description Table, revision 1 (ACPI 6.4 5.2.12). */
function madt(): number[] {
  const body = [
    ...u32(LOCAL_APIC_BASE),
    ...u32(PCAT_COMPAT),
    // 0, local APIC: processor 0, APIC ID 0, enabled
    ...[0, 8, 0, 0, ...u32(1)],
    // 1, I/O APIC: ID 0, first global interrupt 0
    ...[1, 12, 0, 0, ...u32(IO_APIC_BASE), ...u32(0)],
    ...sourceOverride(0, TIMER_PIN, BUS_DEFAULT),
    ...sourceOverride(SCI_IRQ, SCI_IRQ, ACTIVE_HIGH_LEVEL),
    // 4, local APIC NMI: LINT1 of all processors
    ...[4, 6, 0xff, ...u16(BUS_DEFAULT), 1],
  ];
  return table('APIC', 1, body);
}

/** 2, interrupt source override: ISA line `irq` is global interrupt `pin`. */
function sourceOverride(irq: number, pin: number, flags: number): number[] {
  return [2, 10, 0, irq, ...u32(pin), ...u16(flags)];
}
