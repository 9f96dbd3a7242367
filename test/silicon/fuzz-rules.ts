/**
 * Differences between Trapline and the processor at hand that are no faults: one table, each entry with its
 * reason. README.md of this folder tells more of what processors and Linux do. A rule sees the instructions that
 * Trapline executed up to the end of the case.
 */

import { readFileSync } from 'node:fs';
import { Decoder, DecoderOptions } from 'iced-x86';
import { type CaseInput, flagBits, type Outcome } from '../vectors/format.ts';
import { LDT_SEGMENTS } from '../vectors/ldt.ts';
import { hex } from './draft.ts';
import { codeBase, STEPS, type Step } from './fuzz-trace.ts';
import { SKIPPED } from './plan.ts';
import { undefinedParts } from './undefined.ts';

const CPU_FLAGS = new Set(
  (/^flags\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '').split(' '),
);
const PF_FETCH = 0x10n;
const MAPPED_DATA = /^(1000[01]|30000)...$/;
/** The page that harness.c launches cases from. */
const LAUNCH_PAGE = /^59870...$/;
const PREFIX = '(?:66|67|f0|f2|f3|26|2e|36|3e|64|65|4.)';
/** Jcc, LOOP, JRCXZ, CALL, JMP, RET and their indirect forms. */
const NEAR_BRANCH_66 = new RegExp(
  `^${PREFIX}*66${PREFIX}*(?:7.|e[0-389b]|0f8.|c[23]|ff[12569ade][0-7])`,
);
const LOCK_ON_AMD = new RegExp(`^${PREFIX}*f0${PREFIX}*0f(?:00[2367abef][0-9a-f]|2[02])`);
/** VEX, EVEX, XOP, UD0, UD1 and EXTRQ of SSE4A. */
const LONGER_ON_AMD = new RegExp(`^${PREFIX}*(?:c[45]|62|8f|0fff|0fb9|0f78)`);

type StepRule = readonly [reason: string, applies: (step: Step) => boolean];
export interface Comparison {
  readonly input: CaseInput;
  readonly silicon: Outcome;
  readonly emulated: Outcome;
  readonly steps: readonly Step[];
}
type Rule = readonly [reason: string, applies: (comparison: Comparison) => boolean];

const TRAPS = new Set(['#DB', '#BP', '#OF']);
const prefixesOf = ({ decoded }: Step) => (decoded.ok ? decoded.prefixes : undefined);

const STEP_RULES: readonly StepRule[] = [
  ['not in the table: x87, SSE, AVX and so on', isAbsent],
  ["the machine's own result, or the kernel's", ({ row }) => SKIPPED.has(row?.mnemonic ?? '')],
  [
    'feature that this processor lacks',
    ({ row }) => row?.feature !== undefined && !CPU_FLAGS.has(row.feature),
  ],
  [
    'AMD: 66 before a near branch',
    ({ bits, bytes }) => bits === 64 && NEAR_BRANCH_66.test(hex([...bytes])),
  ],
  [
    'AMD: REX.W on far pointers is ignored',
    ({ bits, row }) =>
      bits === 64 &&
      row?.encoding.operandSize === 64 &&
      row.operands.some(({ kind }) => kind === 'far'),
  ],
  [
    'AMD: PREFETCHW of a register',
    ({ row, decoded }) =>
      row?.encoding.map === '0F' &&
      row.encoding.opcode === 0x0d &&
      decoded.ok &&
      decoded.operands.every(({ kind }) => kind === 'reg'),
  ],
  [
    'AMD: F2 and F3 before LOOPE and LOOPNE choose the condition',
    (step) => /^loopn?e$/.test(step.row?.uop ?? '') && prefixesOf(step)?.repeat !== undefined,
  ],
  [
    'AMD: PUSH of a segment register writes all of its slot',
    ({ row, decoded }) => row?.uop === 'pushSreg' && decoded.ok && decoded.operandSize === 32,
  ],
  [
    'AMD: 32-bit ENTER loads all of EBP on a 16-bit stack, too',
    ({ row, decoded, input }) =>
      row?.uop === 'enter' && decoded.ok && decoded.operandSize === 32 && hasNarrowStack(input),
  ],
  [
    'AMD: a REP string instruction that does nothing leaves the upper halves of its registers alone',
    ({ bits, row, decoded, input, outcome }) =>
      bits === 64 &&
      row?.rep !== undefined &&
      decoded.ok &&
      decoded.addressSize === 32 &&
      decoded.prefixes.repeat !== undefined &&
      low32(input.regs.rcx!) === low32(outcome.regs.rcx!),
  ],
  [
    'AMD: LOCK is ignored on VERR and VERW, and stands for CR8 on MOV',
    ({ bytes }) => LOCK_ON_AMD.test(hex([...bytes])),
  ],
  [
    'AMD: MOVSXD with 66 reads 32 bits',
    ({ row }) => row?.mnemonic === 'movsxd' && row.encoding.operandSize === 16,
  ],
  [
    'AMD: F3 90 with REX.B is XCHG; NASM and iced-x86 read PAUSE, the manual does not say',
    ({ row, decoded }) =>
      row?.mnemonic === 'pause' && decoded.ok && (decoded.prefixes.rex & 1) !== 0,
  ],
  ['a REP string instruction that overwrites itself', overwritesItself],
  ['KVM on AMD: RIP of INT1', ({ row }) => row?.mnemonic === 'int1'],
];

const low32 = (value: bigint) => BigInt.asUintN(32, value);

function hasNarrowStack({ regs }: CaseInput): boolean {
  return !(Object.values(LDT_SEGMENTS).find(({ selector }) => selector === regs.ss)?.big ?? true);
}

/** iced-x86 knows an instruction where we know none. */
function isAbsent({ decoded, bits, bytes }: Step): boolean {
  if (decoded.ok || decoded.reason !== 'invalid') return false;
  const decoder = new Decoder(bits, bytes, DecoderOptions.None);
  const found = decoder.decode();
  const { isInvalid } = found;
  found.free();
  decoder.free();
  return !isInvalid;
}

const isFault = ({ trap }: Outcome): boolean => trap !== null && !TRAPS.has(trap.name);

function overwritesItself({ row, outcome, input }: Step): boolean {
  const at = codeBase(input.regs.cs!) + input.regs.rip!;
  return (
    row?.rep !== undefined &&
    outcome.memory.some(([start, digits]) => {
      return start < at + 15n && start + BigInt(digits.length / 2) > at;
    })
  );
}

const RULES: readonly Rule[] = [
  [
    'AMD: length of what is no instruction',
    ({ steps }) => {
      const last = steps.at(-1);
      return last !== undefined && !last.decoded.ok && LONGER_ON_AMD.test(hex([...last.bytes]));
    },
  ],
  [
    'two faults at once: target and stack, or two operands',
    ({ silicon, emulated, steps }) =>
      isFault(silicon) &&
      isFault(emulated) &&
      /^(call|callIndirect|callFar|cmps)$/.test(steps.at(-1)?.row?.uop ?? ''),
  ],
  [
    'two faults at once: a misaligned operand that is not wholly canonical',
    ({ silicon, emulated }) =>
      [silicon, emulated].some(({ trap }) => trap?.name === '#AC') &&
      [silicon, emulated].some(({ trap }) => /^#(GP|SS)$/.test(trap?.name ?? '')),
  ],
  [
    'AMD: the offset from FS or GS must be canonical itself',
    ({ input, silicon, steps }) => {
      const at = steps.find(({ input: { regs } }) => regs.rip === silicon.regs.rip);
      const segment = at && prefixesOf(at)?.segment;
      return input.bits === 64 && segment !== undefined && silicon.trap?.name === '#GP';
    },
  ],
  [
    'how these access their operand',
    ({ silicon, emulated, steps }) =>
      (isFault(silicon) || isFault(emulated)) &&
      /^(popa|arpl|popSreg)$/.test(steps.at(-1)?.row?.uop ?? ''),
  ],
  ['longer than a trace', ({ steps }) => steps.length === STEPS],
  ['it entered the kernel', ({ silicon }) => silicon.trap?.name === 'system call'],
  [
    'a fetch from the data pages, which exec maps executable',
    ({ silicon: { trap } }) =>
      ((trap?.error ?? 0n) & PF_FETCH) !== 0n && MAPPED_DATA.test(trap?.cr2?.toString(16) ?? ''),
  ],
  [
    'a jump into the data pages, which exec maps executable',
    ({ silicon: { regs } }) => MAPPED_DATA.test((codeBase(regs.cs!) + regs.rip!).toString(16)),
  ],
  [
    'the order in which far returns read their frame',
    ({ silicon, steps }) =>
      /^#(PF|SS|AC)$/.test(silicon.trap?.name ?? '') &&
      /^(retFar|iret)$/.test(steps.at(-1)?.row?.uop ?? ''),
  ],
  [
    'the launch page of the harness',
    ({ emulated: { trap } }) => LAUNCH_PAGE.test(trap?.cr2?.toString(16) ?? ''),
  ],
  [
    '64-bit code from 32-bit code: exec has none',
    ({ input, silicon, emulated }) =>
      input.bits !== 64 && (silicon.regs.cs === 0x33n || emulated.regs.cs === 0x33n),
  ],
];

/** Why a difference does not count, or undefined. */
export function excuse(comparison: Comparison): string | undefined {
  for (const [reason, applies] of STEP_RULES) if (comparison.steps.some(applies)) return reason;
  for (const [reason, applies] of RULES) if (applies(comparison)) return reason;
  return undefined;
}

/** Flags that are undefined at the end; no answer where something else has become so. */
export function undefinedAtEnd(steps: readonly Step[]): bigint | undefined {
  let unknown = 0n;
  for (const { row, input, outcome } of steps) {
    if (!row) continue;
    const effect = (kind: string) =>
      flagBits(new RegExp(`(?:^| )${kind}:(\\w+)`).exec(row.flags ?? '')?.[1] ?? '');
    if ((effect('r') & unknown) !== 0n) return undefined;
    if (isFault(outcome)) {
      return row.rep && outcome.regs.rcx !== input.regs.rcx
        ? unknown | flagBits('oszapc')
        : unknown;
    }
    const undefinedHere = undefinedParts(row, input, outcome);
    if (undefinedHere.result) return undefined;
    const isConditional =
      (row.encoding.map === '0F' && /^sh|^bs/.test(row.uop)) ||
      /^(sh|sa|ro|rc)/.test(row.uop) ||
      row.rep;
    if (!isConditional) unknown &= ~(effect('w') | effect('0') | effect('1'));
    unknown |= undefinedHere.flags;
  }
  return unknown;
}
