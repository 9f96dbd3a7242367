/** A case under construction: input state of one instruction, everything not set at its default. */

import { type CaseInput, DEFAULT_RIP, defaultInput, GPRS } from '../vectors/format.ts';

export const RIP = DEFAULT_RIP;
/** What the harness maps: two data pages, a stack page, a code page. */
export const DATA = 0x10000000n;
export const DATA_END = 0x10002000n;
export const STACK = 0x30000000n;
export const CODE = 0x20000000n;

export class Draft {
  readonly input: CaseInput;

  constructor(code: readonly number[], flags: bigint) {
    this.input = defaultInput(hex(code));
    this.input.regs.rflags! |= flags;
  }

  gpr(register: number): bigint {
    return this.input.regs[GPRS[register]!]!;
  }

  setGpr(register: number, value: bigint): void {
    this.input.regs[GPRS[register]!] = BigInt.asUintN(64, value);
  }

  /** Replaces the low `bits` of a register; `high` means AH, CH, DH, BH. */
  setPart(register: number, bits: number, value: bigint, high = false): void {
    const shift = high ? 8n : 0n;
    const mask = ((1n << BigInt(bits)) - 1n) << shift;
    this.setGpr(register, (this.gpr(register) & ~mask) | ((value << shift) & mask));
  }

  set(name: string, value: bigint): void {
    this.input.regs[name] = BigInt.asUintN(64, value);
  }

  /** Where the base is not canonical, wrfsbase would fault: such a case keeps base 0. */
  segmentBase(segment: 'fs' | 'gs', base: bigint): void {
    const canonical = BigInt.asUintN(64, BigInt.asIntN(48, base)) === BigInt.asUintN(64, base);
    if (canonical) this.set(`${segment}_base`, base);
  }

  /** Puts a little-endian number into memory, as far as memory is mapped. */
  store(address: bigint, bits: number, value: bigint): void {
    const bytes = Array.from({ length: bits >> 3 }, (_, i) =>
      Number((value >> BigInt(8 * i)) & 0xffn),
    );
    this.storeBytes(address, bytes);
  }

  storeBytes(address: bigint, bytes: readonly number[]): void {
    const mapped = bytes.filter((_, i) => isMapped(address + BigInt(i)));
    const first = bytes.findIndex((_, i) => isMapped(address + BigInt(i)));
    if (mapped.some((byte) => byte !== 0)) {
      this.input.memory.push([address + BigInt(first), hex(mapped)]);
    }
  }
}

export function isMapped(address: bigint): boolean {
  return (address >= DATA && address < DATA_END) || (address >= STACK && address < STACK + 0x1000n);
}

export function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
