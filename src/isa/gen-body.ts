/**
 * Bodies of the handlers of asm/gen/dispatch.ts, for the uops that have a template (uops.ts). Each is
 * expanded along one or both of two paths:
 *
 *   FAST  a case of the loop in fast(). It calls nothing, so that the loop's variables stay in registers. What
 *         it cannot do (a TLB miss, a successor not linked yet) it leaves to the slow path by a break with
 *         `next` still 0, having changed nothing. A case that leads to another block sets `next` and breaks.
 *         Only the end of the loop leaves it: for every way out V8 would make a copy of all variables.
 *   SLOW  a function (i) => record to go on with, or 0 when the run loop must look; RIP and RAISED are
 *         then settled.
 */

import { assert } from '../base/assert.ts';
import { uopKind } from './uops.ts';

/** Statement or expression that names the function of a uop, for a value function. */
export type Use = (uop: string) => string;

/** How a body reaches memory and its end. */
interface Path {
  /** Goes on with the next record. */
  readonly next: string;
  /** Declares \`name\`, the memory operand of `bits`. */
  load(name: string, bits: number): string;
  /** Writes `value`, an expression, to the memory operand. */
  store(value: string, bits: number): string;
  /** Replaces the memory operand \`m\` by the expression `value` of it. */
  modify(value: string, bits: number): string;
  /** Declares \`name\`, the address of the memory operand as LEA gives it, good to `bits`. */
  effective(name: string, bits: number): string;
  /** Follows a direct branch, to \`rip\` by the link in the field at \`place\` of the record. */
  follow(condition: string | undefined): string;
  readonly branches: Readonly<Record<string, string>>;
}

/** The handler raised. */
export const FAIL = 'return raised(i);';
/** Address of the next instruction by a relative branch. */
const RELATIVE = 'Place.next(i) + <u64>(<i64>load<i32>(i, 16))';
/** Addresses that the fast path leaves alone; what is left may still have to be cut to 32 bits. */
const LINEAR = `let a = Address.sum(i);
const f = Rec.flags(i);
if (f & REC_INDIRECT) {
  if (f & REC_INVOLVED) break;
  a = <u64>(<u32>a);
}
`;

/** Declares `name`, where the TLB finds `bits` at the address in the variable `at`; a miss leaves the fast path. */
function hit(name: string, array: 'READ' | 'WRITE', at: string, bits: number): string {
  return `if (!Tlb.hits(TLB_${array}, ${at}, ${bits / 8}, load<u64>(CONTEXT))) break;
const ${name} = Tlb.place(TLB_${array}, ${at});
`;
}

const FAST: Path = {
  next: 'i += RECORD;\ncontinue;',
  load: (name, bits) =>
    `${LINEAR}${hit('p', 'READ', 'a', bits)}const ${name} = load<u${bits}>(p);\n`,
  store: (value, bits) => `${LINEAR}${hit('p', 'WRITE', 'a', bits)}store<u${bits}>(p, ${value});\n`,
  modify: (value, bits) => `${LINEAR}${hit('p', 'WRITE', 'a', bits)}const m = load<u${bits}>(p);
store<u${bits}>(p, ${value});
`,
  effective: (name, bits) =>
    `if (Rec.flags(i) & ${bits === 64 ? '(REC_INVOLVED | REC_ADDRESS32) & ~REC_SEGMENTED' : 'REC_INVOLVED & ~REC_SEGMENTED'}) break;\nconst ${name} = Address.sum(i);\n`,
  follow: (condition) =>
    condition === undefined
      ? 'next = load<u32>(i, 24);\nbreak;'
      : `next = ${condition} ? load<u32>(i, 24) : load<u32>(i, 20);\nbreak;`,
  branches: { ...fastBranches(64), ...fastBranches(32) },
};

/**
 * Near branches and stack instructions of 64-bit code, and those with 32-bit operands outside it, where
 * they serve flat segments: records of others are marked REC_SEGMENTED.
 */
function fastBranches(bits: 64 | 32): Readonly<Record<string, string>> {
  const bytes = bits / 8;
  const suffix = bits === 64 ? '' : '.32';
  const flat = bits === 64 ? '' : 'if (Rec.flags(i) & REC_SEGMENTED) break;\n';
  const cut = (value: string): string => (bits === 64 ? value : `<u64>(<u32>(${value}))`);
  const down = `const s = ${cut(`Register.get(4) - ${bytes}`)};
${hit('p', 'WRITE', 's', bits)}`;
  const up = `const s = ${cut('Register.get(4)')};
${hit('p', 'READ', 's', bits)}`;
  const word = (place: string): string => `<u64>load<u${bits}>(${place})`;
  const inRegister = `const target = <u64>${register(0, bits)};\n`;
  const inMemory = `${LINEAR}${hit('t', 'READ', 'a', bits)}const target = ${word('t')};\n`;
  const jump = 'next = CodeCache.reach(target);\nbreak;';
  const call = `${down}const back = Place.next(i);
next = CodeCache.reach(target);
if (next == 0) break;
store<u${bits}>(p, <u${bits}>back);
Register.set(4, s);
break;`;
  const texts = {
    call: `const target: usize = load<u32>(i, 24);
if (target == 0) break;
${down}store<u${bits}>(p, <u${bits}>Place.next(i));
Register.set(4, s);
next = target;
break;`,
    ret: `${up}next = CodeCache.reach(${word('p')});
if (next == 0) break;
Register.set(4, ${cut(`s + ${bytes} + load<u64>(i, 16)`)});
break;`,
    'jmpIndirect.R': inRegister + jump,
    'jmpIndirect.M': inMemory + jump,
    'callIndirect.R': inRegister + call,
    'callIndirect.M': inMemory + call,
    'push.R': `const v = ${register(0, bits)};
${down}store<u${bits}>(p, v);
Register.set(4, s);
i += RECORD;
continue;`,
    'pop.R': `${up}Register.set(4, ${cut(`s + ${bytes}`)});
${setRegister(`load<u${bits}>(p)`, bits)}i += RECORD;
continue;`,
  };
  return Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key + suffix, flat + text]),
  );
}

/** \`target\` must be canonical before anything changes; it was read at linear `from`, 0: not in memory. */
const check = (from: string): string => `if (!Memory.isCanonical(target)) {
  Event.badTarget(target, ${from});
  return raised(i);
}
`;
const CHECK = check('0');
const CHECK_MEMORY = check('Address.linear(i)');
const GO = 'return jump(target);';
const PUSH = (value: string): string => `const s = Register.get(4) - 8;
Memory.write(s, 8, ${value}, SEGMENT_SS);
if (Event.raised()) ${FAIL}
Register.set(4, s);
`;
const POP = (name: string): string => `const s = Register.get(4);
const ${name} = Memory.read(s, 8, SEGMENT_SS);
if (Event.raised()) ${FAIL}
`;
const SEGMENT = 'Rec.segment(i)';

const SLOW: Path = {
  next: 'return i + RECORD;',
  load: (name, bits) =>
    `const ${name} = <u${bits}>Memory.read(Address.linear(i), ${bits / 8}, ${SEGMENT});\nif (Event.raised()) ${FAIL}\n`,
  store: (value, bits) =>
    `Memory.write(Address.linear(i), ${bits / 8}, <u64>(${value}), ${SEGMENT});\nif (Event.raised()) ${FAIL}\n`,
  modify: (value, bits) => `const a = Address.linear(i);
const m = <u${bits}>Memory.readForWrite(a, ${bits / 8}, ${SEGMENT});
if (Event.raised()) ${FAIL}
Memory.write(a, ${bits / 8}, <u64>(${value}), ${SEGMENT});
if (Event.raised()) ${FAIL}
`,
  effective: (name) => `const ${name} = Address.effective(i, Address.sum(i));\n`,
  follow: (condition) =>
    condition === undefined
      ? `return branch(i, ${RELATIVE});`
      : `return ${condition} ? branch(i, ${RELATIVE}) : follow(i, 20, Place.next(i));`,
  branches: {
    call: `const target = ${RELATIVE};\n${CHECK}${PUSH('Place.next(i)')}return branch(i, target);`,
    ret: `${POP('target')}${check('s')}Register.set(4, s + 8 + load<u64>(i, 16));\n${GO}`,
    'jmpIndirect.R': `const target = ${register(0, 64)};\n${CHECK}${GO}`,
    'jmpIndirect.M': `const target = Memory.read(Address.linear(i), 8, ${SEGMENT});\nif (Event.raised()) ${FAIL}\n${CHECK_MEMORY}${GO}`,
    'callIndirect.R': `const target = ${register(0, 64)};\n${CHECK}${PUSH('Place.next(i)')}${GO}`,
    'callIndirect.M': `const target = Memory.read(Address.linear(i), 8, ${SEGMENT});\nif (Event.raised()) ${FAIL}\n${CHECK_MEMORY}${PUSH('Place.next(i)')}${GO}`,
    'push.R': `const v = ${register(0, 64)};\n${PUSH('v')}return i + RECORD;`,
    'pop.R': `${POP('v')}Register.set(4, s + 8);\n${setRegister('v', 64)}return i + RECORD;`,
  },
};

/** Body of the case of fast() for a handler key. */
export function fastBody(key: string, use: Use): string {
  return body(key, use, FAST);
}

/** Body of the slow function for a handler key with a template. */
export function slowBody(key: string, use: Use): string {
  return body(key, use, SLOW);
}

function body(key: string, use: Use, path: Path): string {
  if (key === 'end') return path.follow(undefined);
  const [uop = '', shape = '', bits = '', sourceBits = ''] = key.split('.');
  const size = Number(bits);
  switch (uopKind(uop)) {
    case 'binary':
      return binary(use(uop), shape, size, size, path);
    case 'shift':
      return binary(use(uop), shape, size, 8, path);
    case 'compare':
      return compare(use(uop), shape, size, path);
    case 'move':
      return move(`${use(uop)}<u${bits}>`, shape, size, size, path);
    case 'extend':
      return move(`${use(uop)}<u${bits}, u${sourceBits}>`, shape, size, Number(sourceBits), path);
    case 'unary':
      return unary(use(uop), shape, size, path);
    case 'triple':
      return triple(use(uop), shape, size, path);
    case 'lea':
      return `${path.effective('v', size)}${setRegister(`<u${bits}>v`, size)}${path.next}`;
    case 'cmov':
      return cmov(uop.slice(4), shape, size, path);
    case 'set':
      return setcc(uop.slice(3), shape, path);
    case 'jcc':
      return path.follow(condition(uop.slice(1)));
    case 'jmp':
      return path.follow(undefined);
    case 'nop':
      return path.next;
    default: {
      const text = path.branches[key];
      assert(text !== undefined, `no template for handler '${key}'`);
      return text;
    }
  }
}

/** The register of operand \`n\` as an expression. */
function register(n: number, bits: number): string {
  return `load<u${bits}>(load<u8>(i, ${4 + n}), REGS)`;
}

/** Statement that writes the register of the first operand: 32 bits clear the upper half. */
function setRegister(value: string, bits: number, place = 'load<u8>(i, 4)'): string {
  return bits === 32
    ? `store<u64>(${place}, <u64>(${value}), REGS);\n`
    : `store<u${bits}>(${place}, ${value}, REGS);\n`;
}

/** Statements that replace the register of the first operand by \`value\` of it. */
function changeRegister(value: (old: string) => string, bits: number): string {
  const text = value(`load<u${bits}>(r, REGS)`);
  return `const r: usize = load<u8>(i, 4);\n${setRegister(text, bits, 'r')}`;
}

/** The operand `n` of a shape as an expression; memory stands in the variable m. */
function source(shape: string, n: number, bits: number): string {
  if (shape[n] === 'I') return `load<u${bits}>(i, 16)`;
  return shape[n] === 'M' ? 'm' : register(n, bits);
}

function binary(fn: string, shape: string, bits: number, sourceBits: number, path: Path): string {
  const b = source(shape, 1, sourceBits);
  if (shape[0] === 'M') return `${path.modify(`${fn}<u${bits}>(m, ${b})`, bits)}${path.next}`;
  const load = shape[1] === 'M' ? path.load('m', bits) : '';
  return `${load}${changeRegister((r) => `${fn}<u${bits}>(${r}, ${b})`, bits)}${path.next}`;
}

function compare(fn: string, shape: string, bits: number, path: Path): string {
  const load = shape.includes('M') ? path.load('m', bits) : '';
  return `${load}${fn}<u${bits}>(${source(shape, 0, bits)}, ${source(shape, 1, bits)});\n${path.next}`;
}

function move(fn: string, shape: string, bits: number, sourceBits: number, path: Path): string {
  if (shape[0] === 'M') {
    return `${path.store(`${fn}(${source(shape, 1, sourceBits)})`, bits)}${path.next}`;
  }
  const load = shape[1] === 'M' ? path.load('m', sourceBits) : '';
  return `${load}${setRegister(`${fn}(${source(shape, 1, sourceBits)})`, bits)}${path.next}`;
}

function unary(fn: string, shape: string, bits: number, path: Path): string {
  if (shape[0] === 'M') return `${path.modify(`${fn}<u${bits}>(m)`, bits)}${path.next}`;
  return `${changeRegister((r) => `${fn}<u${bits}>(${r})`, bits)}${path.next}`;
}

function triple(fn: string, shape: string, bits: number, path: Path): string {
  const load = shape.includes('M') ? path.load('m', bits) : '';
  const call = `${fn}<u${bits}>(${source(shape, 1, bits)}, ${source(shape, 2, bits)})`;
  return `${load}${setRegister(call, bits)}${path.next}`;
}

function cmov(name: string, shape: string, bits: number, path: Path): string {
  const load = shape[1] === 'M' ? path.load('m', bits) : '';
  const value = (r: string): string => `${condition(name)} ? ${source(shape, 1, bits)} : ${r}`;
  return `${load}${changeRegister(value, bits)}${path.next}`;
}

function setcc(name: string, shape: string, path: Path): string {
  const value = `<u8>(${condition(name)})`;
  return `${shape === 'M' ? path.store(value, 8) : setRegister(value, 8)}${path.next}`;
}

const CONDITIONS: Readonly<Record<string, string>> = {
  o: 'Flags.of()',
  b: 'Flags.cf()',
  e: 'Flags.zf()',
  be: 'Flags.notAbove()',
  s: 'Flags.sf()',
  p: 'Flags.pf()',
  l: 'Flags.less()',
  le: 'Flags.notGreater()',
};
const NEGATED: Readonly<Record<string, string>> = {
  no: 'o',
  ae: 'b',
  ne: 'e',
  a: 'be',
  ns: 's',
  np: 'p',
  ge: 'l',
  g: 'le',
};

function condition(name: string): string {
  const positive = CONDITIONS[NEGATED[name] ?? name];
  assert(positive !== undefined, `condition '${name}'`);
  return NEGATED[name] === undefined ? positive : `!${positive}`;
}
