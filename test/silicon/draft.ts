/** A case under construction: input state of one instruction, everything not set at its default. */

import { type Bits, type CaseInput, DEFAULT_RIP, defaultInput, GPRS } from '../vectors/format.ts';
import { CODE, CODE_END, DATA, DATA_END, STACK, STACK_END } from '../vectors/pages.ts';

export const RIP = DEFAULT_RIP;

export class Draft {
  readonly input: CaseInput;

  constructor(code: readonly number[], flags: bigint, bits: Bits = 64, ldt = bits !== 64) {
    this.input = defaultInput(hex(code), bits, ldt);
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
    // Pages are zero but for the code page, which is full of landing pads.
    if (isCode(address) || mapped.some((byte) => byte !== 0)) {
      this.input.memory.push([address + BigInt(first), hex(mapped)]);
    }
  }
}

export function isMapped(address: bigint): boolean {
  return (
    (address >= DATA && address < DATA_END) ||
    (address >= STACK && address < STACK_END) ||
    isCode(address)
  );
}

function isCode(address: bigint): boolean {
  return address >= CODE && address < CODE_END;
}

export function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
