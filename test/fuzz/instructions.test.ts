/**
 * Random instruction bytes with random registers, one at a time: through `exec`, and on a bare machine with
 * random control registers. Nothing throws or hangs, nothing is written that is not mapped, and the processor
 * takes as many bytes as the two decoders, ours and iced-x86, say.
 */

import { Decoder, DecoderOptions } from 'iced-x86';
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/isa/decode.ts';
import { buildDecodeTables } from '../../src/isa/decode-table.ts';
import { pick, type RandomSource, randomSource } from '../../src/isa/random.ts';
import type { CodeMode } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { GPR_NAMES } from '../../src/machine/cpu-view.ts';
import { createExecutor } from '../../src/machine/exec.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { codeMode, instruction, number } from './code.ts';
import { BareMachine, CODE, CODE_BYTES, DATA, DEVICE, RAM_BYTES } from './machine.ts';
import { FUZZ_TIMEOUT, fuzz } from './progress.ts';

const TABLES = buildDecodeTables(ROWS);
const UD = 6;
const GP = 13;
const PF = 14;
const LONGEST = 15;

/** Where RIP is not moved on by the length. */
const BRANCH = /^(j|call|ret|loop|iret|sys(call|enter|exit|ret)|int)/;
const TF = 0x100n;
const STATUS_AND_MORE = 0x3f7fd7n;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

interface Verdict {
  /** Undefined where the bytes are no instruction. */
  readonly length: number | undefined;
  /** Vector that the bytes alone demand. */
  readonly vector: number | undefined;
  readonly isBranch: boolean;
}

function ourVerdict(code: Uint8Array, mode: CodeMode): Verdict {
  const decoded = decode(code, 0, mode, TABLES);
  if (decoded.ok) {
    const isBranch = BRANCH.test(ROWS[decoded.row]?.mnemonic ?? '');
    return { length: decoded.length, vector: undefined, isBranch };
  }
  return { length: undefined, vector: decoded.reason === 'too-long' ? GP : UD, isBranch: false };
}

/** Length that iced-x86 sees, or undefined. */
function icedLength(code: Uint8Array, mode: CodeMode): number | undefined {
  const decoder = new Decoder(mode, code, DecoderOptions.None);
  const found = decoder.decode();
  const length = found.isInvalid ? undefined : found.length;
  found.free();
  decoder.free();
  return length;
}

/** The event that a step ended with must fit the bytes; without one RIP has moved by their length. */
function checkStep(
  what: string,
  code: Uint8Array,
  mode: CodeMode,
  moved: bigint,
  vector: number | undefined,
  isRepeating: boolean,
): void {
  const ours = ourVerdict(code, mode);
  if (ours.vector !== undefined) {
    if (vector !== ours.vector) expect.fail(`${what}: vector ${vector}, not ${ours.vector}`);
    return;
  }
  if (vector !== undefined || ours.isBranch || isRepeating) return;
  if (moved !== BigInt(ours.length ?? 0))
    expect.fail(`${what}: RIP + ${moved}, not ${ours.length}`);
  const theirs = icedLength(code, mode);
  if (theirs !== undefined && theirs !== ours.length) {
    expect.fail(`${what}: length ${ours.length}, iced-x86 ${theirs}`);
  }
}

// --- exec --------------------------------------------------------------------------------------

const execute = createExecutor(loadProcessorModule());
const EXEC_CODE = 0x40_0000n;
const EXEC_DATA = 0x10_0000n;
/** Flat 16-bit code segments by privilege level. */
const CODE_16: Readonly<Record<number, string>> = {
  0: '0x8f9b000000ffff',
  3: '0x8ffb000000ffff',
};
const LDT_ENTRY_0 = 4;
const EXEC_PLACES = [EXEC_CODE, EXEC_DATA, EXEC_DATA + 0xff8n, EXEC_DATA + 0x1000n] as const;

function checkExec(seed: number): void {
  const random = randomSource(seed);
  const mode = codeMode(random);
  const code = instruction(random, mode).subarray(0, 24);
  const names = GPR_NAMES.map((name) => [
    name,
    `0x${number(random, [...EXEC_PLACES]).toString(16)}`,
  ]);
  const rflags = (number(random, [2n]) & STATUS_AND_MORE & ~TF) | 2n;
  const cpl = pick(random, [0, 3]);
  const reply = execute({
    code: hex(code),
    mode: mode === 64 ? 'long64' : 'prot32',
    cpl,
    ...(mode === 16 ? { ldt: [CODE_16[cpl]] } : {}),
    regs: {
      ...Object.fromEntries(names),
      ...(mode === 16 ? { cs: `0x${(LDT_ENTRY_0 | cpl).toString(16)}` } : {}),
      rip: `0x${EXEC_CODE.toString(16)}`,
      rflags: `0x${rflags.toString(16)}`,
    },
    mem: [[`0x${EXEC_DATA.toString(16)}`, '00']],
  });
  const what = `exec seed ${seed}, ${mode} bits, ${hex(code)}`;
  if ('error' in reply) expect.fail(`${what}: ${reply.error}`);
  const moved = BigInt(reply.regs['rip'] ?? 0) - EXEC_CODE;
  const vector = reply.trap ? (reply.trap.vector ?? -1) : undefined;
  // A repeated instruction that overwrote itself goes on as another.
  if (reply.mem.some(([place]) => BigInt(place) >> 12n === EXEC_CODE >> 12n)) return;
  checkStep(what, code, mode, moved, vector, reply.partial === true);
}

// --- Bare machine ------------------------------------------------------------------------------

const PLACES = [CODE, DATA, DATA + 0xff8, DATA + 0x3ff8, 0x5000, 0x6000, DEVICE, RAM_BYTES].map(
  BigInt,
) as [bigint, ...bigint[]];
/** Bits of control registers that may be anything in long mode. */
const CR0_FREE = 0x4005_002en;
const CR4_FREE = 0x0071_0fdfn;
const EFER_FREE = 0x801n;
/** Pages that CPL 3 may write, by number. */
const USER_WRITABLE = new Set(
  [CODE, DATA].flatMap((at) => [0, 1, 2, 3].map((n) => (at >> 12) + n)).concat(unnamedUserPages()),
);

function unnamedUserPages(): number[] {
  const first = (CODE + CODE_BYTES) >> 12;
  const all = Array.from({ length: (RAM_BYTES >> 12) - first }, (_, n) => first + n);
  const alias = [0x18, 0x19, 0x1a, 0x1b];
  return all.filter((page) => ![...alias, 0x24, 0x25, 0x26, DEVICE >> 12].includes(page));
}

interface Setup {
  readonly cpl: 0 | 3;
  readonly mode: CodeMode;
  readonly at: number;
  readonly code: Uint8Array;
}

function setUp(machine: BareMachine, random: RandomSource): Setup {
  const { processor } = machine;
  const { view } = processor;
  const cpl = pick(random, [0, 3] as const);
  const mode = codeMode(random);
  machine.restore(cpl, mode);
  const any = (): bigint => number(random, PLACES);
  for (let n = 0; n < 16; n++) view.gpr[n] = any();
  view.setU64('CR0', (view.u64('CR0') ^ (any() & CR0_FREE)) | 0x8000_0011n);
  view.setU64('CR4', (view.u64('CR4') ^ (random(2) === 0 ? any() & CR4_FREE : 0n)) | 0x20n);
  view.setU64('EFER', view.u64('EFER') ^ (any() & EFER_FREE));
  view.setU32('PKRU', random(4) === 0 ? random(0x40000000) : 0);
  for (const name of ['STAR', 'LSTAR', 'FMASK', 'SYSENTER_CS', 'SYSENTER_EIP', 'KERNEL_GS_BASE']) {
    view.setU64(name, any());
  }
  const dpl = cpl === 3 ? 0x60 : 0;
  for (const name of ['fs', 'gs'] as const) {
    view.setSegment(name, { selector: 0, base: any(), limit: 0, access: 0x1c093 | dpl });
  }
  if (random(8) === 0) {
    for (let n = 0; n < 4; n++) view.data.setBigUint64(view.layout('DR') + 8 * n, any(), true);
    view.setU64('DR7', 0x400n | (any() & 0xffff_03ffn));
  }
  const code = instruction(random, mode).subarray(0, 32);
  const at = CODE + pick(random, [0, 0x40, 0xff4, 0xffa, 0xfff]);
  processor.memory.write(at, code);
  view.setU64('RIP', BigInt(at));
  processor.rflags = (any() & STATUS_AND_MORE) | 2n;
  processor.stateChanged();
  return { cpl, mode, at, code };
}

/** At CPL 3, without a way into the kernel, only pages of the user change, and A and D in tables. */
function checkPages(machine: BareMachine, what: string): void {
  const now = machine.processor.memory.bytes;
  for (let page = 0; page < RAM_BYTES >> 12; page++) {
    if (USER_WRITABLE.has(page)) continue;
    const [start, end] = [page << 12, (page + 1) << 12];
    const before = machine.initial.subarray(start, end);
    if (Buffer.compare(before, now.subarray(start, end)) === 0) continue;
    for (let at = 0; at < 0x1000; at++) {
      const changed = (before[at] ?? 0) ^ (now[start + at] ?? 0);
      const allowed = page < 5 ? 0x60 : page === 5 ? 1 : 0;
      if (changed & ~allowed) expect.fail(`${what}: ${(start + at).toString(16)} was written`);
    }
  }
}

function checkBare(machine: BareMachine, seed: number): void {
  const random = randomSource(seed);
  const { cpl, mode, at, code } = setUp(machine, random);
  const { processor } = machine;
  const { view } = processor;
  const what = `seed ${seed}, CPL ${cpl}, ${mode} bits, ${hex(code)}`;
  const isTraced = (processor.rflags & TF) !== 0n || (view.u64('DR7') & 0xffn) !== 0n;
  view.setU32('HOSTED', 1);
  const reason = processor.run(1);
  const vector =
    reason === 'fuel' || reason === 'halt'
      ? undefined
      : reason === 'event'
        ? view.u32('EVENT_VECTOR')
        : -1;
  const isOurs = vector !== PF && !isTraced;
  if (isOurs)
    checkStep(
      what,
      code.subarray(0, LONGEST + 9),
      mode,
      view.u64('RIP') - BigInt(at),
      vector,
      view.u32('REPEATING') !== 0,
    );
  if (cpl === 3) checkPages(machine, what);
  // From there on as a guest, whatever comes.
  view.setU32('HOSTED', 0);
  processor.run(20);
}

describe('random instructions', () => {
  const machine = new BareMachine();

  it(
    'are executed or refused by exec',
    async () => {
      await fuzz({ name: 'exec', runs: 15_000, share: 4 }, checkExec);
    },
    FUZZ_TIMEOUT,
  );

  it(
    'are executed or refused by a bare machine, and stay in their pages',
    async () => {
      await fuzz({ name: 'bare', runs: 15_000, share: 4 / 3 }, (seed) => checkBare(machine, seed));
      expect(machine.isContained()).toBe(true);
    },
    FUZZ_TIMEOUT,
  );
});
