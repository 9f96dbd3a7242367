import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Bus,
  type MmioDevice,
  type MmioSize,
  type PortDevice,
  type PortSize,
} from '../../src/machine/bus.ts';

/** Sixteen bytes of registers that log each access as they get it. */
class Registers implements PortDevice, MmioDevice {
  readonly widestPort: PortSize;
  readonly widestMmio: MmioSize;
  readonly bytes = Uint8Array.from({ length: 16 }, (_, i) => 0x81 + i);
  readonly log: string[] = [];

  constructor(widestPort: PortSize, widestMmio: MmioSize = 4) {
    this.widestPort = widestPort;
    this.widestMmio = widestMmio;
  }

  readMmio(offset: number, size: number): bigint {
    this.log.push(`r${size}@${offset}`);
    let value = 0n;
    for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.bytes[offset + i] ?? 0);
    return value;
  }

  writeMmio(offset: number, size: number, value: bigint): void {
    this.log.push(`w${size}@${offset}=${value.toString(16)}`);
    for (let i = 0; i < size; i++)
      this.bytes[offset + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }

  readPort(offset: number, size: number): number {
    return Number(this.readMmio(offset, size));
  }

  writePort(offset: number, size: number, value: number): void {
    this.writeMmio(offset, size, BigInt(value));
  }
}

function withPorts(widest: PortSize, first = 0x100) {
  const bus = new Bus();
  const device = new Registers(widest);
  bus.mapPorts(first, 16, device);
  return { bus, device };
}

describe('ports', () => {
  it('reads what nobody answers as ones and swallows writes to it', () => {
    const bus = new Bus();
    expect([bus.readPort(0, 1), bus.readPort(0x80, 2), bus.readPort(0xfffe, 4)]).toEqual([
      0xff, 0xffff, 0xffffffff,
    ]);
    bus.writePort(0x80, 4, 0xffffffff);
  });

  it('passes an access as wide as the registers whole, with the offset in the range', () => {
    const { bus, device } = withPorts(4);
    expect(bus.readPort(0x104, 4)).toBe(0x88878685);
    bus.writePort(0x108, 4, 0xfedcba98);
    expect(device.log).toEqual(['r4@4', 'w4@8=fedcba98']);
  });

  it('splits wider accesses, low half first', () => {
    const { bus, device } = withPorts(1);
    expect(bus.readPort(0x10c, 4)).toBe(0x908f8e8d);
    bus.writePort(0x100, 4, 0xfedcba98);
    expect(device.log).toEqual([
      ...['r1@12', 'r1@13', 'r1@14', 'r1@15'],
      ...['w1@0=98', 'w1@1=ba', 'w1@2=dc', 'w1@3=fe'],
    ]);
  });

  it('splits misaligned accesses', () => {
    const { bus, device } = withPorts(4);
    expect(bus.readPort(0x102, 4)).toBe(0x86858483);
    expect(bus.readPort(0x101, 2)).toBe(0x8382);
    expect(device.log).toEqual(['r2@2', 'r2@4', 'r1@1', 'r1@2']);
  });

  it('splits an access between devices and the floating bus', () => {
    const bus = new Bus();
    const one = new Registers(4);
    const other = new Registers(4);
    bus.mapPorts(0x91, 1, one);
    bus.mapPorts(0x93, 1, other);
    expect(bus.readPort(0x90, 4)).toBe(0x81ff81ff);
    bus.writePort(0x90, 4, 0x44332211);
    expect([one.bytes[0], other.bytes[0]]).toEqual([0x22, 0x44]);
  });

  it('ends at port 0xffff', () => {
    const { bus, device } = withPorts(4, 0xfff0);
    expect(bus.readPort(0xfffe, 4)).toBe(0xffff908f);
    bus.writePort(0xffff, 2, 0x1234);
    expect(device.bytes[15]).toBe(0x34);
  });

  it('refuses ranges that overlap or leave the port space', () => {
    const { bus } = withPorts(1);
    expect(() => bus.mapPorts(0x10f, 2, new Registers(1))).toThrow('port 0x10f is mapped twice');
    expect(() => bus.mapPorts(0xffff, 2, new Registers(1))).toThrow('port range');
  });

  it('gives the same bytes whatever the width', () => {
    const size = fc.constantFrom<PortSize>(1, 2, 4);
    fc.assert(
      fc.property(
        size,
        size,
        fc.integer({ min: 0xf0, max: 0x114 }),
        fc.nat(0xffffffff),
        (widest, width, port, value) => {
          const { bus } = withPorts(widest);
          const bytewise = withPorts(1).bus;
          bus.writePort(port, width, value % 2 ** (8 * width));
          for (let i = 0; i < width; i++)
            bytewise.writePort(port + i, 1, (value >>> (8 * i)) & 0xff);
          for (let at = 0xf0; at < 0x114; at++) {
            expect(bus.readPort(at, 4)).toBe(bytewise.readPort(at, 4));
          }
        },
      ),
    );
  });
});

describe('memory-mapped registers', () => {
  const BASE = 0xfee0_0000n;

  function withMmio(widest: MmioSize) {
    const bus = new Bus();
    const device = new Registers(4, widest);
    bus.mapMmio(BASE, 16n, device);
    return { bus, device };
  }

  it('reads what nobody answers as ones', () => {
    const { bus } = withMmio(4);
    expect(bus.readMmio(0n, 8)).toBe(0xffff_ffff_ffff_ffffn);
    bus.writeMmio(BASE + 16n, 4, 0n);
  });

  it('passes and splits accesses by the width of the registers', () => {
    const { bus, device } = withMmio(4);
    expect(bus.readMmio(BASE, 8)).toBe(0x8887868584838281n);
    bus.writeMmio(BASE + 8n, 8, 0x1122334455667788n);
    expect(device.log).toEqual(['r4@0', 'r4@4', 'w4@8=55667788', 'w4@12=11223344']);
    expect(withMmio(8).bus.readMmio(BASE + 8n, 8)).toBe(0x908f8e8d8c8b8a89n);
  });

  it('splits an access that leaves the range', () => {
    const { bus } = withMmio(8);
    expect(bus.readMmio(BASE + 12n, 8)).toBe(0xffffffff_908f8e8dn);
    expect(bus.readMmio(BASE - 1n, 2)).toBe(0x81ffn);
  });

  it('tells ranges apart and refuses overlaps', () => {
    const { bus } = withMmio(4);
    const other = new Registers(4);
    bus.mapMmio(BASE + 16n, 16n, other);
    bus.writeMmio(BASE + 16n, 1, 7n);
    expect([bus.readMmio(BASE, 1), bus.readMmio(BASE + 16n, 1)]).toEqual([0x81n, 7n]);
    expect(() => bus.mapMmio(BASE - 8n, 9n, other)).toThrow('overlaps');
  });
});
