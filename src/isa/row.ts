/**
 * One row of the instruction table and the parser of its two text columns.
 *
 * A row is a line of the SDM's opcode tables (SDM 2A-2D, 3.1.1 Instruction Format): the instruction
 * column (mnemonic and operands) and the opcode column. Everything that knows instructions (decode
 * tables, dispatch, assembler, disassembler, `trapline isa`) reads parsed rows; nothing else in the
 * tree knows an opcode.
 *
 * Operand column, names separated by ", ":
 *   r8 r16 r32 r64        general register in ModRM.reg; in the opcode when it carries "+r"; in
 *                         ModRM.rm, never memory, when reg holds an opcode digit, sreg, cr or dr
 *   v32 v64               general register in VEX.vvvv
 *   rm8 .. rm64           ModRM.rm, register or memory
 *   r16m16 r32m16 r64m16  ModRM.rm: a register of the first width, or memory of the second; does not
 *                         tell the operand size (mov ds, ax needs no 66)
 *   m m8 .. m128          ModRM.rm, memory only (plain m: no size, as in lea and invlpg)
 *   m16:16 m16:32 m16:64  far pointer in memory (offset first, selector behind it)
 *   m16&32 m16&64         pseudo-descriptor in memory (limit first, base behind it)
 *   imm8 .. imm64         immediate, zero-extended
 *   simm8 simm16 simm32   immediate, sign-extended to the operand size
 *   rel8 rel16 rel32      branch displacement from the end of the instruction
 *   ptr16:16 ptr16:32     far pointer in the instruction
 *   moffs8 .. moffs64     memory at an absolute address of address-size width in the instruction
 *   sreg cr dr            segment, control, debug register in ModRM.reg
 *   al ax eax rax cl cx ecx rcx dx edx 1 es cs ss ds fs gs    fixed operand, takes no encoding
 *
 * Opcode column, tokens separated by spaces:
 *   NP 66 F2 F3           mandatory prefix (NP: none of them)
 *   o16 o32 REX.W         operand size, where the operands do not tell it
 *   a16 a32 a64           address size, where it selects the row (jcxz, jecxz, jrcxz)
 *   0F 0F38 0F3A          opcode map, then one opcode byte
 *   +r                    directly after the opcode byte: low 3 bits are a register
 *   /r /0 .. /7           ModRM with a register in reg, or an opcode extension there. Without an
 *                         operand in rm, /r names its register twice (imul ax, 5), and a digit
 *                         stands for mod 3 with any rm (lfence)
 *   a hex byte behind the opcode byte    a fixed ModRM byte (0F 01 F8); below C0 an immediate that
 *                         the text leaves out (D4 0A, aam)
 *   ib iw id io           immediate of 1, 2, 4, 8 bytes; cb cw cd cp branch displacement or far
 *                         pointer; mo a moffs of address-size width
 *   VEX.LZ[.66|.F2|.F3].0F38.W0   VEX prefix in place of prefix, map and REX.W
 */

import { assert } from '../base/assert.ts';

/** Where the bits of one operand stand in the encoding. */
export type Slot = 'reg' | 'rm' | 'opcode' | 'vvvv' | 'imm' | 'moffs' | 'fixed';

/** What an operand is. `gpr` with slot `rm` may also be memory when `memory` says so. */
export type OperandKind =
  | 'gpr'
  | 'mem'
  | 'imm'
  | 'rel'
  | 'far'
  | 'moffs'
  | 'sreg'
  | 'cr'
  | 'dr'
  | 'one';

export interface Operand {
  /** The token as written in the row: `rm64`. */
  readonly text: string;
  readonly kind: OperandKind;
  readonly slot: Slot;
  /** Width in bits of the register, immediate or displacement; 0 where there is none (m, sreg). */
  readonly bits: number;
  /** Width in bits of the memory form; 0 for plain `m`. Equal to `bits` except in r32m16 and its like. */
  readonly memoryBits: number;
  /** May be memory (always true for kind `mem`). */
  readonly memory: boolean;
  /** Immediate that is sign-extended to the operand size. */
  readonly signed: boolean;
  /** Register number of a fixed register (al = 0, cl = 1, dx = 2; es = 0 .. gs = 5). */
  readonly fixed: number;
}

export type OpcodeMap = '' | '0F' | '0F38' | '0F3A';
export type MandatoryPrefix = 'any' | 'NP' | '66' | 'F2' | 'F3';
export type OperandSize = 16 | 32 | 64;
export type ImmediateField = 'ib' | 'iw' | 'id' | 'io' | 'cb' | 'cw' | 'cd' | 'cp' | 'mo';

export interface Encoding {
  readonly vex: boolean;
  /** VEX.W, for VEX rows that fix it. */
  readonly vexW: 0 | 1 | undefined;
  readonly map: OpcodeMap;
  readonly prefix: MandatoryPrefix;
  /** First opcode byte within the map; with `plusR` the base of eight. */
  readonly opcode: number;
  readonly plusR: boolean;
  /** ModRM follows the opcode. */
  readonly modrm: boolean;
  /** Required ModRM.reg (/digit or fixed ModRM byte). */
  readonly reg: number | undefined;
  /** Required ModRM.rm with mod 3 (fixed ModRM byte). */
  readonly rm: number | undefined;
  /** Immediate byte that no operand stands for. */
  readonly implied: number | undefined;
  /** Effective operand size that selects this row; undefined where it selects nothing. */
  readonly operandSize: OperandSize | undefined;
  /** The same, of rows that have a token for it (o16, o32, REX.W). */
  readonly sizeToken: OperandSize | undefined;
  /** Address size that selects this row (a16, a32, a64). */
  readonly addressSize: 16 | 32 | 64 | undefined;
  readonly immediates: readonly ImmediateField[];
}

/**
 * When an instruction may run (checked by the processor before the handler, from data):
 * cpl0 CPL must be 0; iopl CPL <= IOPL; io the same or the TSS bitmap allows the port; umip CPL 0
 * unless CR4.UMIP is clear; tsd, pce CPL 0 unless CR4.TSD is clear, CR4.PCE set; cpuid CPL 0 while
 * CPUID faulting is on; always traps at any CPL; never no rule; silent does nothing at CPL > 0 (a
 * variant's rule).
 */
export type Privilege =
  | 'never'
  | 'cpl0'
  | 'iopl'
  | 'io'
  | 'umip'
  | 'tsd'
  | 'pce'
  | 'cpuid'
  | 'always'
  | 'silent';

/** Code modes: 64-bit, and 32- or 16-bit default operand and address size. */
export type CodeMode = 64 | 32 | 16;

/** Code modes in which a row exists. */
export type Modes = 'any' | 'long64' | 'legacy';

export interface Attributes {
  /** Name of the function in asm/exec that does it. */
  readonly uop: string;
  /** Effect on the status flags: `w:oszapc r:c u:a 0:oc` (written, read, undefined, cleared). */
  readonly flags?: string;
  readonly priv?: Privilege;
  readonly modes?: Modes;
  /** LOCK is allowed when the destination is memory. */
  readonly lock?: true;
  /** REP prefixes repeat it: `rep`, or `repz` for those that also test ZF. */
  readonly rep?: 'rep' | 'repz';
  /** Operand size in 64-bit mode: 64 unless 66 makes it 16 (d64), or 64 whatever the prefixes say (f64). */
  readonly size64?: 'd64' | 'f64';
  /** CPUID feature that must be there, else #UD. */
  readonly feature?: string;
  /** Sensitive state that it reads or writes: `cr0:r`, `rflags.if:w` (claims, tested by experiment). */
  readonly touches?: readonly string[];
  /** VM-exit reason that it can cause. */
  readonly exit?: string;
  /** Same bytes as an earlier row: assembled, never disassembled. */
  readonly alias?: true;
  /** Disassembled, but the assembler prefers another row. */
  readonly decodeOnly?: true;
  /** Manual volume and section. */
  readonly sdm?: string;
}

/**
 * One row: its columns and attributes. The columns are parsed when they are first asked for, since most
 * programs use few of the thousand rows. A malformed one is a broken invariant of ours and asserts.
 */
export class Insn {
  readonly mnemonic: string;
  readonly operandText: string;
  readonly opcodeText: string;
  readonly uop: string;
  readonly flags: string | undefined;
  readonly priv: Privilege | undefined;
  readonly lock: true | undefined;
  readonly rep: 'rep' | 'repz' | undefined;
  readonly size64: 'd64' | 'f64' | undefined;
  readonly feature: string | undefined;
  readonly touches: readonly string[] | undefined;
  readonly exit: string | undefined;
  readonly alias: true | undefined;
  readonly decodeOnly: true | undefined;
  readonly sdm: string | undefined;
  readonly #modes: Modes | undefined;
  #operands: readonly Operand[] | undefined;
  #encoding: Encoding | undefined;

  constructor(mnemonic: string, operandText: string, opcodeText: string, attributes: Attributes) {
    this.mnemonic = mnemonic;
    this.operandText = operandText;
    this.opcodeText = opcodeText;
    this.uop = attributes.uop;
    this.flags = attributes.flags;
    this.priv = attributes.priv;
    this.lock = attributes.lock;
    this.rep = attributes.rep;
    this.size64 = attributes.size64;
    this.feature = attributes.feature;
    this.touches = attributes.touches;
    this.exit = attributes.exit;
    this.alias = attributes.alias;
    this.decodeOnly = attributes.decodeOnly;
    this.sdm = attributes.sdm;
    this.#modes = attributes.modes;
  }

  get operands(): readonly Operand[] {
    this.#operands ??= parseOperands(this.operandText, this.opcodeText);
    return this.#operands;
  }

  get encoding(): Encoding {
    this.#encoding ??= parseOpcode(this.opcodeText.split(' '), this.operands);
    return this.#encoding;
  }

  get modes(): Modes {
    return this.#modes ?? (this.encoding.operandSize === 64 ? 'long64' : 'any');
  }
}

/** Builds one row. */
export function insn(
  mnemonic: string,
  operandText: string,
  opcodeText: string,
  attributes: Attributes,
): Insn {
  return new Insn(mnemonic, operandText, opcodeText, attributes);
}

function parseOperands(operandText: string, opcodeText: string): readonly Operand[] {
  if (operandText === '') return [];
  const names = operandText.split(', ');
  const regTaken = /\/[0-7]/.test(opcodeText) || names.some((name) => REG_FIELD.has(name));
  const slot = opcodeText.includes('+r') ? 'opcode' : regTaken ? 'rm' : 'reg';
  return names.map((name) => parseOperand(name, slot));
}

/** Operands other than general registers that stand in ModRM.reg. */
const REG_FIELD = new Set(['sreg', 'cr', 'dr']);

const FIXED_GPR: Record<string, readonly [number: number, bits: number]> = {
  al: [0, 8],
  ax: [0, 16],
  eax: [0, 32],
  rax: [0, 64],
  cl: [1, 8],
  cx: [1, 16],
  ecx: [1, 32],
  rcx: [1, 64],
  dx: [2, 16],
  edx: [2, 32],
};
const FIXED_SREG = ['es', 'cs', 'ss', 'ds', 'fs', 'gs'];

const PLAIN = { memory: false, signed: false, fixed: 0, memoryBits: 0 } as const;

/** Operands parsed so far: the same few stand in hundreds of rows. */
const parsed = new Map<string, Operand>();

/** `slot` is where a plain `r` operand of this row stands. */
function parseOperand(text: string, slot: Slot): Operand {
  const key = `${text} ${slot}`;
  const known = parsed.get(key) ?? parseNewOperand(text, slot);
  parsed.set(key, known);
  return known;
}

function parseNewOperand(text: string, slot: Slot): Operand {
  const gpr = FIXED_GPR[text];
  if (gpr) {
    return { ...PLAIN, text, kind: 'gpr', slot: 'fixed', bits: gpr[1], fixed: gpr[0] };
  }
  const sreg = FIXED_SREG.indexOf(text);
  if (sreg >= 0) return { ...PLAIN, text, kind: 'sreg', slot: 'fixed', bits: 16, fixed: sreg };
  if (text === '1') return { ...PLAIN, text, kind: 'one', slot: 'fixed', bits: 8, fixed: 1 };
  if (text === 'sreg' || text === 'cr' || text === 'dr') {
    return { ...PLAIN, text, kind: text, slot: 'reg', bits: text === 'sreg' ? 16 : 64 };
  }
  const match = /^(rm|r|v|m|simm|imm|rel|moffs|ptr)(\d*)(?:([:&m])(\d+))?$/.exec(text);
  assert(match !== null, `operand '${text}'`);
  const [, head = '', first = '', joint, second = ''] = match;
  const bits = Number(first);
  switch (head) {
    case 'r': {
      if (joint === 'm') {
        const memoryBits = Number(second);
        return { ...PLAIN, text, kind: 'gpr', slot: 'rm', bits, memoryBits, memory: true };
      }
      return { ...PLAIN, text, kind: 'gpr', slot, bits };
    }
    case 'v':
      return { ...PLAIN, text, kind: 'gpr', slot: 'vvvv', bits };
    case 'rm':
      return { ...PLAIN, text, kind: 'gpr', slot: 'rm', bits, memoryBits: bits, memory: true };
    case 'm': {
      const memoryBits = joint ? bits + Number(second) : bits;
      const kind = joint === ':' ? 'far' : 'mem';
      return { ...PLAIN, text, kind, slot: 'rm', bits: memoryBits, memoryBits, memory: true };
    }
    case 'imm':
    case 'simm':
      return { ...PLAIN, text, kind: 'imm', slot: 'imm', bits, signed: head === 'simm' };
    case 'rel':
      return { ...PLAIN, text, kind: 'rel', slot: 'imm', bits, signed: true };
    case 'moffs':
      return { ...PLAIN, text, kind: 'moffs', slot: 'moffs', bits, memoryBits: bits, memory: true };
    default:
      return { ...PLAIN, text, kind: 'far', slot: 'imm', bits: bits + Number(second) };
  }
}

const PREFIXES = new Set(['NP', '66', 'F2', 'F3']);
const IMMEDIATES = new Set(['ib', 'iw', 'id', 'io', 'cb', 'cw', 'cd', 'cp', 'mo']);
const MAPS = new Set(['0F', '0F38', '0F3A']);

type Building = { -readonly [K in keyof Encoding]: Encoding[K] } & {
  immediates: ImmediateField[];
};

function parseOpcode(tokens: readonly string[], operands: readonly Operand[]): Encoding {
  const building: Building = {
    vex: false,
    vexW: undefined,
    map: '',
    prefix: 'any',
    opcode: -1,
    plusR: false,
    modrm: false,
    reg: undefined,
    rm: undefined,
    implied: undefined,
    operandSize: undefined,
    sizeToken: undefined,
    addressSize: undefined,
    immediates: [],
  };
  tokens.forEach((token, index) => {
    parseToken(building, token, index);
  });
  assert(building.opcode >= 0, `opcode column '${tokens.join(' ')}'`);
  building.operandSize = building.sizeToken ?? sizeOfOperands(operands);
  return building;
}

function parseToken(building: Building, token: string, index: number): void {
  if (token.startsWith('VEX.')) parseVex(building, token);
  else if (building.opcode < 0 && index === 0 && PREFIXES.has(token)) {
    building.prefix = token as MandatoryPrefix;
  } else if (token === 'o16' || token === 'o32') {
    building.sizeToken = token === 'o16' ? 16 : 32;
  } else if (token === 'REX.W') building.sizeToken = 64;
  else if (/^a(16|32|64)$/.test(token)) {
    building.addressSize = Number(token.slice(1)) as 16 | 32 | 64;
  } else if (building.opcode < 0 && building.map === '' && MAPS.has(token)) {
    building.map = token as OpcodeMap;
  } else if (token.startsWith('/')) {
    building.modrm = true;
    if (token !== '/r') building.reg = Number(token.slice(1));
  } else if (IMMEDIATES.has(token)) building.immediates.push(token as ImmediateField);
  else parseByte(building, token);
}

function parseByte(building: Building, token: string): void {
  const match = /^([0-9A-F]{2})(\+r)?$/.exec(token);
  assert(match !== null, `opcode token '${token}'`);
  const value = Number.parseInt(match[1] ?? '', 16);
  if (building.opcode < 0) {
    building.opcode = value;
    building.plusR = match[2] !== undefined;
    return;
  }
  if (value < 0xc0) {
    building.implied = value;
    return;
  }
  building.modrm = true;
  building.reg = (value >> 3) & 7;
  building.rm = value & 7;
}

function parseVex(building: Building, token: string): void {
  building.vex = true;
  building.prefix = 'NP';
  for (const part of token.split('.').slice(1)) {
    if (PREFIXES.has(part)) building.prefix = part as MandatoryPrefix;
    else if (MAPS.has(part)) building.map = part as OpcodeMap;
    else if (part === 'W0' || part === 'W1') building.vexW = part === 'W1' ? 1 : 0;
    else assert(part === 'LZ', `VEX part '${part}'`);
  }
}

/**
 * A row whose first sized register or memory operand is 16, 32 or 64 bits wide exists at that size only. A
 * destination whose two forms have their own widths tells nothing (arpl is 16 bits wide at every size), nor
 * do fixed counters and ports.
 */
function sizeOfOperands(operands: readonly Operand[]): OperandSize | undefined {
  for (const [at, { kind, bits, text, slot, fixed }] of operands.entries()) {
    if (at === 0 && /^r\d+m/.test(text)) return undefined;
    if ((slot === 'fixed' && fixed !== 0) || /^r\d+m/.test(text)) continue;
    if ((kind === 'gpr' || kind === 'moffs') && bits !== 0) {
      return bits === 8 ? undefined : (bits as OperandSize);
    }
    if (kind === 'far' && (bits === 32 || bits === 48 || bits === 80)) {
      return (bits - 16) as OperandSize;
    }
  }
  return undefined;
}
