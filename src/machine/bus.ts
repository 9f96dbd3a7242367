/**
 * The bus: 64 Ki ports and the memory-mapped space that is not RAM. An access goes to the one
 * device whose range holds it. One that is wider than the device's registers, misaligned, or only
 * partly in the range is split in halves until it fits, as an ISA bridge does. What no device
 * answers reads as all ones (the bus floats high) and swallows writes. RAM is not here: the
 * processor reaches it itself.
 */
import { assert } from '../base/assert.ts';

/** Width of a port access in bytes. */
export type PortSize = 1 | 2 | 4;

/** Width of a memory-mapped access in bytes. */
export type MmioSize = 1 | 2 | 4 | 8;

/**
 * Registers in port space. Values are unsigned numbers of `size` bytes; offsets count from the
 * range's first port.
 */
export interface PortDevice {
  /** The widest access that reaches the device whole. */
  readonly widestPort: PortSize;
  readPort(offset: number, size: PortSize): number;
  writePort(offset: number, size: PortSize, value: number): void;
}

/**
 * Registers in memory space. Values are unsigned bigints of `size` bytes; offsets count from the
 * range's base.
 */
export interface MmioDevice {
  /** The widest access that reaches the device whole. */
  readonly widestMmio: MmioSize;
  readMmio(offset: number, size: MmioSize): bigint;
  writeMmio(offset: number, size: MmioSize, value: bigint): void;
}

interface PortRange {
  readonly first: number;
  readonly end: number;
  readonly widest: PortSize;
  readonly device: PortDevice;
}

interface MmioRange {
  readonly base: bigint;
  readonly end: bigint;
  readonly device: MmioDevice;
}

const PORT_COUNT = 0x10000;

const FLOATING: PortDevice = {
  widestPort: 1,
  readPort: () => 0xff,
  writePort: () => {},
};

const UNMAPPED: PortRange = { first: 0, end: PORT_COUNT, widest: 1, device: FLOATING };

/**
 * Routes port and memory-mapped accesses to devices. Wiring, not state: there is nothing to save.
 */
export class Bus {
  /** portRange[65536]: u16, an index into `#ports`; 0 is unmapped. */
  readonly #portRange = new Uint16Array(PORT_COUNT);
  readonly #ports: PortRange[] = [UNMAPPED];
  readonly #mmio: MmioRange[] = [];
  /** The range of the latest memory-mapped access, tried first. */
  #latest: MmioRange | undefined;

  /** Gives ports `first` to `first + count - 1` to `device`. */
  mapPorts(first: number, count: number, device: PortDevice): void {
    const end = first + count;
    assert(first >= 0 && count > 0 && end <= PORT_COUNT, `port range ${first}+${count}`);
    const taken = this.#portRange.subarray(first, end).findIndex((index) => index !== 0);
    assert(taken < 0, `port 0x${(first + taken).toString(16)} is mapped twice`);
    this.#portRange.fill(this.#ports.length, first, end);
    this.#ports.push({ first, end, widest: device.widestPort, device });
  }

  /** Gives physical addresses `base` to `base + length - 1` to `device`. */
  mapMmio(base: bigint, length: bigint, device: MmioDevice): void {
    const end = base + length;
    assert(base >= 0n && length > 0n && end <= 1n << 52n, `mmio range ${base}+${length}`);
    const clash = this.#mmio.some((range) => base < range.end && range.base < end);
    assert(!clash, `mmio range at 0x${base.toString(16)} overlaps another`);
    this.#mmio.push({ base, end, device });
  }

  /** Reads `size` bytes from `port`, little endian, unsigned. */
  readPort(port: number, size: PortSize): number {
    const range = this.#ports[this.#portRange[port] ?? 0] ?? UNMAPPED;
    if (fits(range, port, size)) return range.device.readPort(port - range.first, size);
    if (size === 1) return 0xff;
    const half = (size >> 1) as PortSize;
    const low = this.readPort(port, half);
    return (low | (this.readPort(port + half, half) << (half * 8))) >>> 0;
  }

  /** Writes the low `size` bytes of `value` to `port`. */
  writePort(port: number, size: PortSize, value: number): void {
    const range = this.#ports[this.#portRange[port] ?? 0] ?? UNMAPPED;
    if (fits(range, port, size)) {
      range.device.writePort(port - range.first, size, value);
    } else if (size > 1) {
      const half = (size >> 1) as PortSize;
      const mask = half === 1 ? 0xff : 0xffff;
      this.writePort(port, half, value & mask);
      this.writePort(port + half, half, (value >>> (half * 8)) & mask);
    }
  }

  /** Reads `size` bytes at physical `address`, little endian, unsigned. */
  readMmio(address: bigint, size: MmioSize): bigint {
    const range = this.#findMmio(address);
    if (range !== undefined && mmioFits(range, address, size)) {
      return range.device.readMmio(Number(address - range.base), size);
    }
    if (size === 1) return 0xffn;
    const half = (size >> 1) as MmioSize;
    const low = this.readMmio(address, half);
    return low | (this.readMmio(address + BigInt(half), half) << BigInt(half * 8));
  }

  /** Writes the low `size` bytes of `value` to physical `address`. */
  writeMmio(address: bigint, size: MmioSize, value: bigint): void {
    const range = this.#findMmio(address);
    if (range !== undefined && mmioFits(range, address, size)) {
      range.device.writeMmio(Number(address - range.base), size, value);
    } else if (size > 1) {
      const half = (size >> 1) as MmioSize;
      this.writeMmio(address, half, BigInt.asUintN(half * 8, value));
      this.writeMmio(address + BigInt(half), half, value >> BigInt(half * 8));
    }
  }

  #findMmio(address: bigint): MmioRange | undefined {
    const latest = this.#latest;
    if (latest !== undefined && holds(latest, address)) return latest;
    const found = this.#mmio.find((range) => holds(range, address));
    if (found !== undefined) this.#latest = found;
    return found;
  }
}

function fits(range: PortRange, port: number, size: PortSize): boolean {
  return size <= range.widest && (port & (size - 1)) === 0 && port + size <= range.end;
}

function holds(range: MmioRange, address: bigint): boolean {
  return range.base <= address && address < range.end;
}

function mmioFits(range: MmioRange, address: bigint, size: MmioSize): boolean {
  if (size > range.device.widestMmio || address + BigInt(size) > range.end) return false;
  return (Number(address & 7n) & (size - 1)) === 0;
}
