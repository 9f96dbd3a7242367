/** Results and flags of integer instructions: the processor against the reference (src/machine/ref/flags.ts). */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createExecutor } from '../../src/machine/exec.ts';
import { ARITHMETIC, compute, type Operation } from '../../src/machine/ref/flags.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const RUNS = 1500;
const STATUS = 0x8d5;

/** Opcode of the 32-bit form, ModRM.reg where it extends the opcode; operands rbx, rcx (shifts: cl). */
const OPCODES: Readonly<Record<Operation, readonly [number, number?]>> = {
  add: [0x01],
  or: [0x09],
  adc: [0x11],
  sbb: [0x19],
  and: [0x21],
  sub: [0x29],
  xor: [0x31],
  cmp: [0x39],
  test: [0x85],
  inc: [0xff, 0],
  dec: [0xff, 1],
  neg: [0xf7, 3],
  shl: [0xd3, 4],
  shr: [0xd3, 5],
  sar: [0xd3, 7],
};
const KEEPS_RESULT = new Set<Operation>(['cmp', 'test']);

function encode(operation: Operation, bits: number): string {
  const [opcode, digit = 1] = OPCODES[operation];
  const prefix = bits === 16 ? [0x66] : bits === 64 ? [0x48] : [];
  const modrm = 0xc0 | (digit << 3) | 3; // digit 1 is also the register ecx
  return Buffer.from([...prefix, bits === 8 ? opcode & ~1 : opcode, modrm]).toString('hex');
}

const execute = createExecutor(loadProcessorModule());
const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** `operation` and then `setcc` or the like is left to the vectors: here RFLAGS is read whole. */
function run(operation: Operation, bits: number, a: bigint, b: bigint, before: number) {
  const regs = { rip: '0x1000', rbx: hex(a), rcx: hex(b), rflags: hex(BigInt(before | 2)) };
  const reply = execute({ code: encode(operation, bits), regs });
  if ('error' in reply || reply.trap) throw new Error(JSON.stringify(reply));
  const { rbx = '', rflags = '' } = reply.regs;
  return { result: BigInt.asUintN(bits, BigInt(rbx)), flags: Number(rflags) & STATUS };
}

const size = fc.constantFrom(8, 16, 32, 64);
const value = fc.oneof(
  fc.bigInt(0n, 2n ** 64n - 1n),
  fc.constantFrom(0n, 1n, 2n ** 64n - 1n, 0x7f7f_7f7f_7f7f_7f7fn, 0x8080_8080_8080_8080n),
  fc.nat(63).map((bit) => 1n << BigInt(bit)),
  fc.nat(63).map((bit) => (1n << BigInt(bit)) - 1n),
);

describe('flags', () => {
  it.each(ARITHMETIC)('of %s are those of the reference', (operation) => {
    fc.assert(
      fc.property(size, value, value, fc.nat(STATUS), (bits, wideA, wideB, mask) => {
        const [a, b] = [BigInt.asUintN(bits, wideA), BigInt.asUintN(bits, wideB)];
        const before = mask & STATUS;
        const wanted = compute(operation, bits, a, b, before);
        const got = run(operation, bits, a, b, before);
        expect(got.flags & wanted.defined).toBe(wanted.flags & wanted.defined);
        expect(got.result).toBe(KEEPS_RESULT.has(operation) ? a : wanted.result);
      }),
      { numRuns: RUNS },
    );
  });
});
