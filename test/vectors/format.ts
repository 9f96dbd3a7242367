/**
 * The text format of instruction vectors (README.md in this folder): one instruction, then one line
 * per case with its inputs and what a processor made of them. Everything that a line does not name
 * has its default on the input side and is unchanged on the output side.
 */

import { LDT_SEGMENTS } from './ldt.ts';
import { CODE, STACK } from './pages.ts';

export const GPRS = 'rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15'.split(' ');
const OTHERS = 'fs_base gs_base cs ss ds es fs gs'.split(' ');
/** Every register that a line may name, besides rflags and rip. */
export const REGISTERS = [...GPRS, ...OTHERS];

/** Letter of each flag; capitals for those that are not status flags. */
const FLAGS: readonly (readonly [letter: string, bit: bigint])[] = [
  ['o', 11n],
  ['s', 7n],
  ['z', 6n],
  ['a', 4n],
  ['p', 2n],
  ['c', 0n],
  ['d', 10n],
  ['T', 8n],
  ['N', 14n],
  ['A', 18n],
  ['I', 21n],
];
/** IF and the bit that is always 1: never listed, set in every case. */
const FLAGS_ALWAYS = 0x202n;
/** Every flag that a line can name. All others are 0 in every case; RF is not recorded. */
export const FLAGS_COMPARED = FLAGS.reduce((mask, [, bit]) => mask | (1n << bit), FLAGS_ALWAYS);

export const DEFAULT_RIP = CODE + 0x800n;
const DEFAULT_RSP = STACK + 0x800n;
/** What IRETQ leaves in the upper bits of RSP when it loads a 16-bit stack (test/silicon/harness.c). */
export const LAUNCH = 0x59870000n;

/** Size of the code that a case runs in. */
export type Bits = 64 | 32 | 16;

export type Registers = Record<string, bigint>;
/** Bytes in address order as hex digits, and where they stand. */
export type Piece = [address: bigint, bytes: string];

export interface CaseInput {
  bits: Bits;
  /** The LDT of ldt.ts is loaded; else there is none. */
  ldt: boolean;
  code: string;
  regs: Registers;
  memory: Piece[];
}

export interface Trap {
  /** `#PF`, as the manual writes it. */
  name: string;
  error: bigint | null;
  cr2: bigint | null;
}

export interface Outcome {
  regs: Registers;
  /** Bytes that changed. */
  memory: Piece[];
  trap: Trap | null;
}

export interface Case {
  /** `arith.ins:120`. */
  where: string;
  mnemonic: string;
  text: string;
  /** The case line itself. */
  line: string;
  input: CaseInput;
  expected: Outcome;
  /** Flags that the manual leaves undefined here. */
  undefinedFlags: bigint;
}

type CaseContent = Omit<Case, 'where' | 'mnemonic' | 'text' | 'line'>;

/** Selectors and what depends on them: flat segments, in 16-bit code those of the LDT. */
const SEGMENTS: Readonly<Record<Bits, Registers>> = {
  64: { cs: 0x33n, ss: 0x2bn, ds: 0n, es: 0n, rip: DEFAULT_RIP, rsp: DEFAULT_RSP },
  32: { cs: 0x23n, ss: 0x2bn, ds: 0x2bn, es: 0x2bn, rip: DEFAULT_RIP, rsp: DEFAULT_RSP },
  16: {
    cs: LDT_SEGMENTS.code16.selector,
    ss: LDT_SEGMENTS.stack16.selector,
    ds: LDT_SEGMENTS.data.selector,
    es: LDT_SEGMENTS.data.selector,
    rip: 0x800n,
    rsp: LAUNCH + 0x800n,
  },
};

/** Registers that no line has touched: rax 1111111111111111 (11111111), rcx 2222222222222222 and so on. */
export function defaultInput(code: string, bits: Bits, ldt = bits !== 64): CaseInput {
  const ones = bits === 64 ? 0x1111111111111111n : 0x11111111n;
  const regs: Registers = {};
  GPRS.forEach((name, i) => {
    regs[name] = ones * BigInt(i < 4 ? i + 1 : i);
  });
  for (const name of OTHERS) regs[name] = 0n;
  return {
    bits,
    ldt,
    code,
    regs: { ...regs, ...SEGMENTS[bits], rflags: FLAGS_ALWAYS },
    memory: [],
  };
}

export function flagLetters(rflags: bigint): string {
  return FLAGS.filter(([, bit]) => (rflags >> bit) & 1n)
    .map(([letter]) => letter)
    .join('');
}

export function flagBits(letters: string): bigint {
  let bits = 0n;
  for (const letter of letters) {
    const flag = FLAGS.find(([name]) => name === letter);
    if (!flag) throw new Error(`no flag '${letter}'`);
    bits |= 1n << flag[1];
  }
  return bits;
}

/** Hex without prefix, as a negative number where that is shorter. */
function printNumber(value: bigint): string {
  const plain = value.toString(16);
  const negative = BigInt.asIntN(64, value).toString(16);
  return negative.length < plain.length ? negative : plain;
}

function parseNumber(text: string): bigint {
  const negative = text.startsWith('-');
  const value = BigInt(`0x${negative ? text.slice(1) : text}`);
  return BigInt.asUintN(64, negative ? -value : value);
}

/** The case line: what differs from the default, `=>`, what differs from the input. */
export function printCase(test: CaseContent): string {
  const { input, expected } = test;
  const defaults = defaultInput(input.code, input.bits).regs;
  const before = printState(input.regs, defaults, input.memory);
  if (input.regs.rip !== defaults.rip) before.push(`rip=${printNumber(input.regs.rip!)}`);
  if (input.regs.rflags !== defaults.rflags) before.push(`f=${flagLetters(input.regs.rflags!)}`);
  const after = printState(expected.regs, input.regs, expected.memory);
  if (expected.regs.rip !== impliedRip(input, expected.trap)) {
    after.push(`rip=${printNumber(expected.regs.rip!)}`);
  }
  const unknown = test.undefinedFlags === 0n ? '' : `?${flagLetters(test.undefinedFlags)}`;
  if (unknown !== '' || expected.regs.rflags !== input.regs.rflags) {
    after.push(`f=${flagLetters(expected.regs.rflags! & ~test.undefinedFlags)}${unknown}`);
  }
  if (expected.trap) after.push(printTrap(expected.trap));
  return [...before, '=>', ...after].join(' ');
}

function printState(regs: Registers, reference: Registers, memory: readonly Piece[]): string[] {
  const changed = REGISTERS.filter((name) => regs[name] !== reference[name]);
  const values = changed.map((name) => `${name}=${printNumber(regs[name]!)}`);
  return [...values, ...memory.map(([at, bytes]) => `[${at.toString(16)}]=${bytes}`)];
}

function printTrap({ name, error, cr2 }: Trap): string {
  const code = error === null ? '' : `(${error.toString(16)})`;
  return `${name}${code}${cr2 === null ? '' : ` cr2=${printNumber(cr2)}`}`;
}

/** An instruction that completes ends behind itself; one that faults stays. */
function impliedRip(input: CaseInput, trap: Trap | null): bigint {
  return input.regs.rip! + (trap ? 0n : BigInt(input.code.length / 2));
}

/** Reads a whole file. `name` is used to say where a case stands. */
export function parseVectors(name: string, text: string): Case[] {
  const cases: Case[] = [];
  let head: { code: string; text: string } | undefined;
  let bits: Bits = 64;
  let ldt = false;
  let mnemonic = '';
  text.split('\n').forEach((line, index) => {
    const where = `${name}:${index + 1}`;
    const heading = /^\[([0-9a-f]+)\] "(.*)"$/.exec(line);
    if (heading) head = { code: heading[1]!, text: heading[2]! };
    else if (line.startsWith('hw:')) mnemonic = /: (\S+)$/.exec(line)?.[1] ?? '';
    else if (line.startsWith('bits ')) {
      bits = Number(line.slice(5, 7)) as Bits;
      ldt = line.endsWith(' ldt');
    } else if (line !== '' && !line.startsWith('#')) {
      if (!head) throw new Error(`${where}: a case before the first instruction`);
      cases.push({
        where,
        mnemonic,
        text: head.text,
        line,
        ...parseCase(where, line, defaultInput(head.code, bits, ldt)),
      });
    }
  });
  return cases;
}

function parseCase(where: string, line: string, input: CaseInput): CaseContent {
  const [before, after] = line.split('=>');
  if (before === undefined || after === undefined) throw new Error(`${where}: no '=>'`);
  for (const token of tokens(before)) {
    const [name, value] = split(where, token);
    if (name === 'f') input.regs.rflags = FLAGS_ALWAYS | flagBits(value);
    else if (name.startsWith('[')) input.memory.push([parseNumber(name.slice(1, -1)), value]);
    else input.regs[checked(where, name)] = parseNumber(value);
  }
  return { input, ...parseOutcome(where, input, tokens(after)) };
}

function parseOutcome(
  where: string,
  input: CaseInput,
  after: string[],
): Omit<CaseContent, 'input'> {
  const expected: Outcome = { regs: { ...input.regs }, memory: [], trap: null };
  const result = { expected, undefinedFlags: 0n };
  const trap = after.map((token) => /^(#[A-Z]+)(?:\((\w+)\))?$/.exec(token)).find(Boolean);
  if (trap) {
    expected.trap = { name: trap[1]!, error: trap[2] ? parseNumber(trap[2]) : null, cr2: null };
  }
  expected.regs.rip = impliedRip(input, expected.trap);
  for (const token of after) {
    if (token.startsWith('#')) continue;
    const [name, value] = split(where, token);
    if (name === 'f') {
      const [known = '', unknown = ''] = value.split('?');
      expected.regs.rflags = FLAGS_ALWAYS | flagBits(known);
      result.undefinedFlags = flagBits(unknown);
    } else if (name === 'cr2' && expected.trap) expected.trap.cr2 = parseNumber(value);
    else if (name.startsWith('[')) expected.memory.push([parseNumber(name.slice(1, -1)), value]);
    else expected.regs[checked(where, name)] = parseNumber(value);
  }
  return result;
}

function tokens(text: string): string[] {
  return text.split(' ').filter((token) => token !== '');
}

function split(where: string, token: string): [name: string, value: string] {
  const at = token.indexOf('=');
  if (at < 0) throw new Error(`${where}: '${token}' is not name=value`);
  return [token.slice(0, at), token.slice(at + 1)];
}

function checked(where: string, name: string): string {
  if (name !== 'rip' && !REGISTERS.includes(name))
    throw new Error(`${where}: no register '${name}'`);
  return name;
}
