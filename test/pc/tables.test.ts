/** ACPI and MP tables as a kernel finds them in memory. */

import { describe, expect, test } from 'vitest';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { amlInteger, amlPackage } from '../../src/pc/acpi/aml.ts';
import { Pc } from '../../src/pc/pc.ts';

const { memory } = new Pc(loadProcessorModule(), { ramBytes: 2 ** 21 }).machine.processor;
const view = new DataView(memory.read(0, memory.size).buffer);
const u16 = (at: number): number => view.getUint16(at, true);
const u32 = (at: number): number => view.getUint32(at, true);
const text = (at: number, length: number): string =>
  String.fromCharCode(...memory.read(at, length));
const sum = (at: number, length: number): number =>
  memory.read(at, length).reduce((total, byte) => (total + byte) & 0xff, 0);

/** Looks a structure up in the BIOS's area, on 16-byte boundaries. */
function scan(signature: string): number {
  for (let at = 0xe0000; at < 0x100000; at += 16) {
    if (text(at, signature.length) === signature) return at;
  }
  throw new Error(`no ${signature}`);
}

/** Tables by their signatures; checks that RSDT and XSDT name the same ones. */
function tables(): Map<string, number> {
  const rsdp = scan('RSD PTR ');
  const [rsdt, xsdt] = [u32(rsdp + 16), Number(view.getBigUint64(rsdp + 24, true))];
  const listed = Array.from({ length: (u32(rsdt + 4) - 36) / 4 }, (_, n) => u32(rsdt + 36 + 4 * n));
  const wide = listed.map((_, n) => Number(view.getBigUint64(xsdt + 36 + 8 * n, true)));
  expect(wide).toEqual(listed);
  expect(u32(xsdt + 4)).toBe(36 + 8 * listed.length);
  return new Map([rsdt, xsdt, ...listed].map((at) => [text(at, 4), at]));
}

describe('ACPI', () => {
  test('RSDP of revision 2, both sums 0', () => {
    const rsdp = scan('RSD PTR ');
    expect([sum(rsdp, 20), sum(rsdp, 36), memory.bytes[rsdp + 15]]).toEqual([0, 0, 2]);
  });

  test('every table is whole: its sum is 0', () => {
    const found = tables();
    const fadt = found.get('FACP') ?? 0;
    expect([...found.keys()]).toEqual(['RSDT', 'XSDT', 'FACP', 'APIC']);
    for (const at of [...found.values(), u32(fadt + 40)]) expect(sum(at, u32(at + 4))).toBe(0);
  });

  test('FADT names the ports, FACS and DSDT in both widths', () => {
    const fadt = tables().get('FACP') ?? 0;
    expect([u32(fadt + 56), u32(fadt + 64), u32(fadt + 76)]).toEqual([0x600, 0x604, 0x608]);
    expect([u16(fadt + 46), u32(fadt + 48)]).toEqual([9, 0xb2]);
    expect([u32(fadt + 132), u32(fadt + 140)]).toEqual([u32(fadt + 36), u32(fadt + 40)]);
    expect([u32(fadt + 152), u32(fadt + 176), u32(fadt + 212)]).toEqual([0x600, 0x604, 0x608]);
    expect([text(u32(fadt + 36), 4), u32(fadt + 36) % 64]).toEqual(['FACS', 0]);
  });

  test('the DSDT says how to enter S5', () => {
    const dsdt = u32((tables().get('FACP') ?? 0) + 40);
    const at = text(dsdt, u32(dsdt + 4)).indexOf('\\_S5_') + dsdt;
    const [name, packageOp, length, elements, type] = memory
      .read(at - 1, 10)
      .filter((_, n) => n === 0 || n > 5);
    expect([name, packageOp, length, elements, type]).toEqual([8, 0x12, 6, 4, 0]);
  });
});

describe('AML', () => {
  test.each([
    [0, [0]],
    [1, [1]],
    [5, [0x0a, 5]],
    [0x1234, [0x0b, 0x34, 0x12]],
    [0xfee00000, [0x0c, 0, 0, 0xe0, 0xfe]],
  ])('integer %i', (value, bytes) => {
    expect(amlInteger(value)).toEqual(bytes);
  });

  test.each([
    [30, [0x12, 2 + 60]], // one byte counts to 63
    [31, [0x12, 0x41, 4]], // 65 bytes: 1 + 4 * 16
    [200, [0x12, 0x43, 25]], // 403 bytes: 3 + 25 * 16
  ])('the length of a package of %i integers', (count, start) => {
    const bytes = amlPackage(...new Array(count).fill(amlInteger(0x20)));
    expect(bytes.slice(0, start.length)).toEqual(start);
    expect(bytes[start.length]).toBe(count);
  });
});

describe('MultiProcessor Specification', () => {
  test('pointer and table are whole', () => {
    const pointer = scan('_MP_');
    const table = u32(pointer + 4);
    expect([sum(pointer, 16), text(table, 4)]).toEqual([0, 'PCMP']);
    expect([sum(table, u16(table + 4)), u32(table + 36)]).toEqual([0, 0xfee00000]);
  });

  test('entries fill the table, in the order of their types', () => {
    const table = u32(scan('_MP_') + 4);
    let at = table + 44;
    const types: number[] = [];
    for (let n = 0; n < u16(table + 34); n++) {
      const type = memory.bytes[at] ?? 0;
      types.push(type);
      at += type === 0 ? 20 : 8;
    }
    expect(at).toBe(table + u16(table + 4));
    expect(types).toEqual([0, 1, 2, ...new Array(16).fill(3), 4, 4]);
  });
});

test('the BIOS data area', () => {
  expect([u16(0x400), u16(0x402), u16(0x40e), u16(0x413)]).toEqual([0x3f8, 0x2f8, 0x9fc0, 639]);
  expect([u16(0x44a), u16(0x463), memory.bytes[0x9fc00]]).toEqual([80, 0x3d4, 1]);
});
