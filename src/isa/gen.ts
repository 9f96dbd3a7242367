/**
 * The generator: text of asm/gen from the instruction table.
 *
 *   handlers.ts   numbers of the handlers that stand for no row
 *   why.ts        reasons for faults (src/base/why.ts)
 *   dispatch.ts   execute(): the loop over records with one case per handler; runGuarded(): the switch
 *                 over rows with a privilege rule, behind the one place that checks it
 *
 * Value functions of asm/exec are expanded here over the shapes and sizes that the rows use, with the
 * address, the TLB hit path and the miss path around them. A case ends in `continue` (next record), in
 * `break` (`next` holds the block to enter, or 0), or in `return` (the run loop must look).
 */

import { assert } from '../base/assert.ts';
import { whyEnum } from '../base/why.ts';
import { enumerateHandlers, FIXED_HANDLERS, forms, handlerKey } from './handlers.ts';
import type { Insn } from './row.ts';
import { endsBlock, uopKind } from './uops.ts';

export interface SourceFile {
  /** Path relative to asm/, as `exec/arith.ts`. */
  readonly path: string;
  readonly text: string;
}

/** Where a uop's function is: module, and class for value functions. */
interface Home {
  readonly module: string;
  readonly owner: string | undefined;
}

const HEADER = '// Written by src/isa/gen.ts; not to be edited.\n';

/** Texts of asm/gen, by file name, for the rows and the sources of asm/exec. */
export function generate(rows: readonly Insn[], exec: readonly SourceFile[]): Map<string, string> {
  const keys = enumerateHandlers(rows);
  const numbers = FIXED_HANDLERS.map(
    (name, n) => `export const HANDLER_${name.toUpperCase()}: u16 = ${n};`,
  );
  return new Map([
    ['handlers.ts', `${HEADER}${numbers.join('\n')}\n`],
    ['why.ts', whyEnum()],
    ['dispatch.ts', dispatch(rows, keys, homes(exec))],
  ]);
}

/** Finds the functions and static methods of asm/exec. */
function homes(exec: readonly SourceFile[]): Map<string, Home> {
  const found = new Map<string, Home>();
  for (const { path, text } of exec) {
    const module = `../${path.replace(/\.ts$/, '')}`;
    let owner: string | undefined;
    for (const line of text.split('\n')) {
      owner = /^export class (\w+)/.exec(line)?.[1] ?? owner;
      const fn = /^export function (\w+)\(i: usize\): void/.exec(line)?.[1];
      if (fn) found.set(fn, { module, owner: undefined });
      const method = /^ {2}@inline static (\w+)</.exec(line)?.[1];
      if (method) found.set(method, { module, owner });
    }
  }
  return found;
}

function dispatch(
  rows: readonly Insn[],
  keys: readonly string[],
  where: Map<string, Home>,
): string {
  const imports = new Map<string, Set<string>>();
  const use = (uop: string): string => {
    const home = where.get(uop);
    assert(home !== undefined, `asm/exec has no function '${uop}'`);
    const names = imports.get(home.module) ?? new Set();
    imports.set(home.module, names.add(home.owner ?? uop));
    return home.owner === undefined ? uop : `${home.owner}.${uop}`;
  };
  const guarded = guardedKeys(rows);
  const cases: string[] = [];
  const guardedCases: string[] = [];
  const outlined: string[] = [];
  keys.forEach((key, number) => {
    if (guarded.only.has(key)) {
      guardedCases.push(
        `    case ${number}: // ${key}\n      ${use(uopOf(key))}(i);\n      break;`,
      );
      return;
    }
    const text = body(key, use);
    if (isHot(key)) cases.push(`      case ${number}: { // ${key}\n${indent(text)}\n      }`);
    else {
      outlined.push(outline(number, key, text));
      cases.push(
        `      case ${number}: // ${key}\n        if (!handler${number}(i)) return;\n${indent(NEXT)}`,
      );
    }
  });
  const lines = [...imports].sort(([a], [b]) => (a < b ? -1 : 1));
  const importText = lines
    .map(([module, names]) => `import { ${[...names].sort().join(', ')} } from '${module}';`)
    .join('\n');
  return `${HEADER}${PRELUDE}${importText}\n\n${LOOP_HEAD}${cases.join('\n')}\n${LOOP_TAIL}${GUARD_HEAD}${guardedCases.join('\n')}\n${GUARD_TAIL}${outlined.join('')}`;
}

/** Keys that only rows with a privilege rule use: they live in the switch behind the check. */
function guardedKeys(rows: readonly Insn[]): { only: Set<string> } {
  const plain = new Set<string>();
  const only = new Set<string>();
  for (const row of rows) {
    const { register, memory } = forms(row);
    for (const inMemory of [false, true]) {
      if (!(inMemory ? memory : register)) continue;
      const key = handlerKey(row, inMemory);
      ((row.priv ?? 'never') === 'never' ? plain : only).add(key);
    }
  }
  for (const key of plain) {
    assert(!only.has(key), `handler ${key} is used with and without a privilege rule`);
  }
  return { only };
}

/**
 * Whether a handler's body stands in the dispatch loop itself. The others are functions of their own, one
 * call away: a smaller loop is compiled sooner and better.
 */
function isHot(key: string): boolean {
  const [head = '', shape = '', bits = ''] = key.split('.');
  if (head === 'fn') return true;
  const kind = uopKind(head);
  if (!EXPANDED.has(kind)) return true;
  if (kind === 'extend') return bits !== '16';
  if (bits === '32' || bits === '64') return !(shape[0] === 'M' && RARE_IN_MEMORY.has(head));
  return bits === '8' && HOT_BYTES.has(head);
}

const EXPANDED = new Set([
  'binary',
  'compare',
  'move',
  'unary',
  'shift',
  'triple',
  'extend',
  'cmov',
]);
const RARE_IN_MEMORY = new Set('adc sbb neg not shl shr sar rol ror'.split(' '));
const HOT_BYTES = new Set(['mov', 'cmp', 'test']);

/** A handler as a function: true to go on with the next record, false where the run loop must look. */
function outline(number: number, key: string, text: string): string {
  const statements = text
    .replace(NEXT, 'return true;')
    .replaceAll(/^(\s*)return;$/gm, '$1return false;');
  return `\n/** ${key} */\nfunction handler${number}(i: usize): bool {\n${statements}\n}\n`;
}

function uopOf(key: string): string {
  const [head = '', second = ''] = key.split('.');
  return head === 'fn' ? second : head;
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '        ');

const PRELUDE = `import { CodeCache, COST } from '../cpu/code-cache';
import { Event, Vector } from '../cpu/event';
import { Flags } from '../cpu/flags';
import { Address, Operand, Place, Register } from '../cpu/operand';
import { Outcome } from '../cpu/outcome';
import { Privilege, Verdict } from '../cpu/privilege';
import { RECORD, Rec } from '../cpu/record';
import { CODE_PAGE, FUEL, RAISED, REGS, RIP } from '../layout';
import { Memory, SEGMENT_SS } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { Why } from './why';
`;

const LOOP_HEAD = `/** Runs records from the one at \`first\` until the run loop must look; RIP and RAISED are then settled. */
export function execute(first: usize): void {
  let i = first;
  while (true) {
    let next: usize = 0;
    switch (<u32>load<u16>(i)) {
`;

const LOOP_TAIL = `      default:
        return;
    }
    if (next == 0) return;
    const fuel = load<i64>(FUEL) - load<i64>(next - COST);
    if (fuel < 0) {
      store<u64>(RIP, Place.current(next));
      return;
    }
    store<i64>(FUEL, fuel);
    i = next;
  }
}

`;

const GUARD_HEAD = `/** Checks the privilege rule of the record at \`i\` and runs its handler; RIP is already that of the next. */
function runGuarded(i: usize): void {
  const verdict = Privilege.allows(i);
  if (verdict != Verdict.Run) return;
  switch (<u32>Rec.entryHandler(i)) {
`;

const GUARD_TAIL = `    default:
      break;
  }
}
`;

const NEXT = 'i += RECORD;\ncontinue;';
const FAIL = '{\n  Outcome.interrupt(i);\n  return;\n}';
const REGISTER = (n: number): string => `REGS + load<u8>(i, ${4 + n})`;

type Use = (uop: string) => string;

/** Body of the case for a handler key. */
function body(key: string, use: Use): string {
  if (key === 'undefined') return 'Outcome.undefined(i);\nreturn;';
  if (key === 'end') return END;
  if (key === 'guard') return ending('runGuarded(i);');
  const uop = uopOf(key);
  if (key.startsWith('fn.')) {
    return endsBlock(uop)
      ? ending(`${use(uop)}(i);`)
      : `${use(uop)}(i);\nif (Event.raised()) ${FAIL}\n${NEXT}`;
  }
  const [, shape = '', bits = '', sourceBits = ''] = key.split('.');
  switch (uopKind(uop)) {
    case 'binary':
    case 'shift':
      return binary(use(uop), shape, Number(bits), uopKind(uop) === 'shift' ? 8 : Number(bits));
    case 'compare':
      return compare(use(uop), shape, Number(bits));
    case 'move':
      return move(use(uop), shape, Number(bits), Number(bits));
    case 'extend':
      return move(`${use(uop)}<u${bits}, u${sourceBits}>`, shape, Number(bits), Number(sourceBits));
    case 'unary':
      return unary(use(uop), shape, Number(bits));
    case 'triple':
      return triple(use(uop), shape, Number(bits));
    case 'lea':
      return lea(Number(bits));
    case 'cmov':
      return cmov(uop.slice(4), shape, Number(bits));
    case 'set':
      return setcc(uop.slice(3), shape);
    case 'jcc':
      return jcc(uop.slice(1));
    default:
      return TEMPLATES[key] ?? assertNever(key);
  }
}

function assertNever(key: string): never {
  assert(false, `no template for handler '${key}'`);
}

/**
 * A handler that ends its block: RIP is that of the next instruction when it starts. Where nothing needs the
 * run loop, the next block is entered from here.
 */
function ending(call: string): string {
  return `store<u64>(RIP, Place.next(i));
${call}
if (Event.raised()) ${FAIL}
if (!Outcome.isCalm()) return;
next = CodeCache.jump(load<u64>(RIP));
break;`;
}

/** Statement that loads the memory operand of `bits` into \`name\`. */
function loadMemory(name: string, bits: number): string {
  return `const a = Address.linear(i);
let ${name}: u${bits};
const p = Tlb.read(a, ${bits / 8});
if (p != 0) ${name} = load<u${bits}>(p);
else {
  ${name} = <u${bits}>Memory.readSlow(a, ${bits / 8}, Rec.segment(i));
  if (Event.raised()) ${FAIL}
}
`;
}

/** Statements that write \`value\`, an expression, to the memory operand. */
function storeMemory(value: string, bits: number): string {
  return `const a = Address.linear(i);
const p = Tlb.write(a, ${bits / 8});
if (p != 0) store<u${bits}>(p, ${value});
else {
  Memory.writeSlow(a, ${bits / 8}, <u64>(${value}), Rec.segment(i));
  if (Event.raised()) ${FAIL}
}
`;
}

/** Statements that replace the memory operand \`m\` by the expression \`value\` of it. */
function modifyMemory(value: string, bits: number): string {
  return `const a = Address.linear(i);
const p = Tlb.write(a, ${bits / 8});
if (p != 0) {
  const m = load<u${bits}>(p);
  store<u${bits}>(p, ${value});
} else {
  const m = <u${bits}>Memory.readForWrite(a, ${bits / 8}, Rec.segment(i));
  if (Event.raised()) ${FAIL}
  Memory.writeSlow(a, ${bits / 8}, <u64>(${value}), Rec.segment(i));
  if (Event.raised()) ${FAIL}
}
`;
}

/** Statement that writes a register: 32 bits clear the upper half. */
function storeRegister(place: string, value: string, bits: number): string {
  return bits === 32
    ? `store<u64>(${place}, <u64>(${value}));\n`
    : `store<u${bits}>(${place}, ${value});\n`;
}

/** The operand \`n\` of a shape as an expression; memory stands in the variable m. */
function source(shape: string, n: number, bits: number): string {
  if (shape[n] === 'I') return `<u${bits}>load<u64>(i, 16)`;
  return shape[n] === 'M' ? 'm' : `load<u${bits}>(${REGISTER(n)})`;
}

function binary(fn: string, shape: string, bits: number, sourceBits: number): string {
  const b = source(shape, 1, sourceBits);
  if (shape[0] === 'M') return `${modifyMemory(`${fn}<u${bits}>(m, ${b})`, bits)}${NEXT}`;
  const load = shape[1] === 'M' ? loadMemory('m', bits) : '';
  const call = `${fn}<u${bits}>(load<u${bits}>(r), ${b})`;
  return `${load}const r = ${REGISTER(0)};\n${storeRegister('r', call, bits)}${NEXT}`;
}

function compare(fn: string, shape: string, bits: number): string {
  const load = shape.includes('M') ? loadMemory('m', bits) : '';
  return `${load}${fn}<u${bits}>(${source(shape, 0, bits)}, ${source(shape, 1, bits)});\n${NEXT}`;
}

function move(fn: string, shape: string, bits: number, sourceBits: number): string {
  const generic = fn.includes('<') ? fn : `${fn}<u${bits}>`;
  if (shape[0] === 'M') {
    return `const b = ${generic}(${source(shape, 1, sourceBits)});\n${storeMemory('b', bits)}${NEXT}`;
  }
  const load = shape[1] === 'M' ? loadMemory('m', sourceBits) : '';
  const value = `${generic}(${source(shape, 1, sourceBits)})`;
  return `${load}${storeRegister(REGISTER(0), value, bits)}${NEXT}`;
}

function unary(fn: string, shape: string, bits: number): string {
  if (shape[0] === 'M') return `${modifyMemory(`${fn}<u${bits}>(m)`, bits)}${NEXT}`;
  const call = `${fn}<u${bits}>(load<u${bits}>(r))`;
  return `const r = ${REGISTER(0)};\n${storeRegister('r', call, bits)}${NEXT}`;
}

function triple(fn: string, shape: string, bits: number): string {
  const load = shape.includes('M') ? loadMemory('m', bits) : '';
  const call = `${fn}<u${bits}>(${source(shape, 1, bits)}, ${source(shape, 2, bits)})`;
  return `${load}${storeRegister(REGISTER(0), call, bits)}${NEXT}`;
}

function lea(bits: number): string {
  const sum = 'Address.effective(i, Address.sum(i))';
  return `${storeRegister(REGISTER(0), `<u${bits}>${sum}`, bits)}${NEXT}`;
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

function cmov(name: string, shape: string, bits: number): string {
  const load = shape[1] === 'M' ? loadMemory('m', bits) : '';
  const value = `${condition(name)} ? ${source(shape, 1, bits)} : load<u${bits}>(r)`;
  return `${load}const r = ${REGISTER(0)};\n${storeRegister('r', `<u${bits}>(${value})`, bits)}${NEXT}`;
}

function setcc(name: string, shape: string): string {
  const value = `<u8>(${condition(name)})`;
  if (shape === 'M') return `${storeMemory(value, 8)}${NEXT}`;
  return `store<u8>(${REGISTER(0)}, ${value});\n${NEXT}`;
}

/** Successors of a conditional jump: the taken one at TARGET, the other in the upper half of imm. */
function jcc(name: string): string {
  return `if (${condition(name)}) {
  next = load<u32>(i, 24);
  if (next == 0) next = CodeCache.link(i, 24, ${RELATIVE});
} else {
  next = load<u32>(i, 20);
  if (next == 0) next = CodeCache.link(i, 20, Place.next(i));
}
break;`;
}

const END = `next = load<u32>(i, 24);
if (next == 0) next = CodeCache.link(i, 24, load<u64>(CODE_PAGE) + load<u64>(i, 16));
break;`;

/** Target of a relative branch. */
const RELATIVE = 'Place.next(i) + <u64>(<i64>load<i32>(i, 16))';

const JUMP = `next = load<u32>(i, 24);
if (next == 0) next = CodeCache.link(i, 24, ${RELATIVE});
break;`;

/** Pushes the 64-bit expression \`value\`; the stack pointer is written only when the store has succeeded. */
const push = (value: string): string => `const s = Register.get(4) - 8;
const q = Tlb.write(s, 8);
if (q != 0) store<u64>(q, ${value});
else {
  Memory.writeSlow(s, 8, ${value}, SEGMENT_SS);
  if (Event.raised()) ${FAIL}
}
Register.set(4, s);
`;

/** Pops into the variable v. */
const POP = `const s = Register.get(4);
let v: u64;
const q = Tlb.read(s, 8);
if (q != 0) v = load<u64>(q);
else {
  v = Memory.readSlow(s, 8, SEGMENT_SS);
  if (Event.raised()) ${FAIL}
}
`;

/** Near branch to the address in \`target\`, which must be canonical before anything changes. */
const GO = 'next = CodeCache.jump(target);\nbreak;';
const CHECK = `if (!Memory.isCanonical(target)) {
  Event.gp(0, Why.NonCanonical);
  Outcome.interrupt(i);
  return;
}
`;

const TEMPLATES: Readonly<Record<string, string>> = {
  nop: NEXT,
  jmp: JUMP,
  call: `if (load<u32>(i, 24) == 0) {
  const target = ${RELATIVE};
${CHECK}}
${push('Place.next(i)')}${JUMP}`,
  ret: `${POP}const target = v;\n${CHECK}Register.set(4, s + 8 + load<u64>(i, 16));\n${GO}`,
  'jmpIndirect.R': `const target = load<u64>(${REGISTER(0)});\n${CHECK}${GO}`,
  'jmpIndirect.M': `${loadMemory('target', 64)}${CHECK}${GO}`,
  'callIndirect.R': `const target = load<u64>(${REGISTER(0)});\n${CHECK}${push('Place.next(i)')}${GO}`,
  'callIndirect.M': `${loadMemory('target', 64)}${CHECK}${push('Place.next(i)')}${GO}`,
  'push.R': `const v = load<u64>(${REGISTER(0)});\n${push('v')}${NEXT}`,
  'pop.R': `${POP}Register.set(4, s + 8);\nstore<u64>(${REGISTER(0)}, v);\n${NEXT}`,
};
