/**
 * The generator: text of asm/gen from the instruction table.
 *
 *   handlers.ts   numbers of the handlers that stand for no row
 *   why.ts        reasons for faults (src/base/why.ts)
 *   dispatch.ts   execute(): runs records. fast() is a loop with a case per hot handler, which calls nothing;
 *                 slow() runs one record by the function of its handler, called through the function
 *                 table; that of rows with a privilege rule or a
 *                 VM-exit reason checks these and calls on
 *
 * Value functions of asm/exec are expanded over the shapes and sizes that the rows use (gen-body.ts).
 */

import { assert } from '../base/assert.ts';
import { whyEnum } from '../base/why.ts';
import { FAIL, fastBody, slowBody, type Use } from './gen-body.ts';
import { enumerateHandlers, FIXED_HANDLERS, handlerFunction } from './handlers.ts';
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
    ['dispatch.ts', dispatch(keys, homes(exec))],
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

function dispatch(keys: readonly string[], where: Map<string, Home>): string {
  const imports = new Map<string, Set<string>>();
  const use: Use = (uop) => {
    const home = where.get(uop);
    assert(home !== undefined, `asm/exec has no function '${uop}'`);
    const names = imports.get(home.module) ?? new Set();
    imports.set(home.module, names.add(home.owner ?? uop));
    return home.owner === undefined ? uop : `${home.owner}.${uop}`;
  };
  const cases = keys.map((key, number) => {
    const text = isHot(key) ? fastBody(key, use) : inLoop(key, keys);
    if (text === undefined) return '';
    return `      case ${number}: { // ${key}\n${indent(text, 8)}\n      }\n`;
  });
  const functions = keys.map(
    (key, number) =>
      `\n/** ${key} */\nfunction handler${number}(i: usize): usize {\n${indent(slow(key, use), 2)}\n}\n`,
  );
  const order = keys.map((_, number) => `    handler${number}.index;\n`);
  const importText = [...imports]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([module, names]) => `import { ${[...names].sort().join(', ')} } from '${module}';`)
    .join('\n');
  return [
    `${HEADER}${PRELUDE}${importText}\n\n${EXECUTE}`,
    `${FAST_HEAD}${cases.join('')}${FAST_TAIL}`,
    `${SLOW_HEAD}${order.join('')}${SLOW_TAIL}`,
    functions.join(''),
  ].join('\n');
}

/** Whether a handler has a case in fast(): a smaller loop is compiled sooner and better. */
function isHot(key: string): boolean {
  if (FIXED_HANDLERS.some((name) => name === key)) return key === 'end';
  const [head = '', shape = '', bits = ''] = key.split('.');
  if (head === 'fn') return false;
  const kind = uopKind(head);
  if (!EXPANDED.has(kind)) return true;
  if (kind === 'extend') return bits !== '16';
  if (bits === '32' || bits === '64') return !(shape[0] === 'M' && RARE_IN_MEMORY.has(head));
  return bits === '8' && HOT_BYTES.has(head);
}

/** What does the plain case of a uop without a call; the same for uops behind a privilege rule. */
const IN_LOOP: Readonly<Record<string, string>> = {
  syscall: 'RingChange.syscall',
  sysenter: 'RingChange.sysenter',
  int: 'FastInterrupt.enter',
  iret: 'FastInterrupt.leave',
};
const GUARDED_IN_LOOP: Readonly<Record<string, string>> = {
  sysret: 'RingChange.sysret',
  sysexit: 'RingChange.sysexit',
};

/** The case in fast() of a handler that is a function otherwise, if it has one: it sets `next`, or leaves it 0. */
function inLoop(key: string, keys: readonly string[]): string | undefined {
  if (key === 'guard') {
    const tries = Object.entries(GUARDED_IN_LOOP).map(
      ([uop, plain]) => `if (handler == ${keys.indexOf(`fn.${uop}`)}) next = ${plain}(i);\n`,
    );
    return `if (!Privilege.holdsInRing0(i)) break;
const handler = Rec.entryHandler(i);
${tries.join('else ')}break;`;
  }
  const plain = key.startsWith('fn.') ? IN_LOOP[key.slice(3)] : undefined;
  return plain && `next = ${plain}(i);\nbreak;`;
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
const HOT_BYTES = new Set('mov cmp test add sub and or xor'.split(' '));

const indent = (text: string, columns: number): string =>
  text.replace(/^(?=.)/gm, ' '.repeat(columns));

/** Statements of the slow function of a handler. */
function slow(key: string, use: Use): string {
  if (key === 'undefined') return 'Outcome.undefined(i);\nreturn raised(i);';
  if (key === 'end') return 'return follow(i, 24, load<u64>(CODE_PAGE) + load<u64>(i, 16));';
  if (key === 'guard') return GUARD;
  const uop = handlerFunction(key);
  if (uop === undefined) return slowBody(key, use);
  const call = `${use(uop)}(i);`;
  return endsBlock(uop) ? ending(call) : `${call}\nif (Event.raised()) ${FAIL}\nreturn i + RECORD;`;
}

/**
 * A handler that ends its block: RIP is that of the next instruction when it starts. Where nothing needs the
 * run loop, the next block is entered from here.
 */
function ending(call: string): string {
  return `store<u64>(RIP, Place.next(i));
${call}
if (Event.raised()) ${FAIL}
return resume();`;
}

/** The handler of rows with a privilege rule or a VM-exit reason, all of which end their blocks. */
const GUARD = `const isGuest = load<u32>(VMX_MODE) == VmxMode.NonRoot;
const verdict = isGuest ? Intercept.verdict(i) : Privilege.allows(i);
if (verdict == Verdict.Raise) return raised(i);
if (verdict == Verdict.Run) {
  const next = Handler.call(Rec.entryHandler(i), i);
  if (next != i + RECORD) return next;
}
store<u64>(RIP, Place.next(i));
return resume();`;

const PRELUDE = `import { CodeCache, COST } from '../cpu/code-cache';
import { Deliver } from '../cpu/deliver';
import { Event, Raised } from '../cpu/event';
import { FastInterrupt } from '../cpu/fast-interrupt';
import { Flags } from '../cpu/flags';
import { Address, Operand, Place, Register } from '../cpu/operand';
import { Outcome } from '../cpu/outcome';
import { Privilege, Verdict } from '../cpu/privilege';
import { REC_ADDRESS32, REC_INDIRECT, REC_INVOLVED, REC_SEGMENTED, RECORD, Rec } from '../cpu/record';
import { RingChange } from '../cpu/ring-change';
import { CODE_PAGE, CONTEXT, CURRENT, FUEL, RAISED, REGS, RIP, STEPPING, TLB_READ, TLB_WRITE, VMX_MODE } from '../layout';
import { Memory, SEGMENT_SS } from '../mmu/memory';
import { Tlb } from '../mmu/tlb';
import { Intercept } from '../vmx/intercept';
import { VmxMode } from '../vmx/operation';
`;

const EXECUTE = `/** Runs records from the one at \`first\` until the run loop must look; RIP and RAISED are then settled. */
export function execute(first: usize): void {
  let i = first;
  do {
    i = fast(i);
    if (i != 0) i = slow(i);
  } while (i != 0);
}
`;

const FAST_HEAD = `/** Runs records up to one that slow() must run, which it returns; 0 when the fuel is used up. */
function fast(first: usize): usize {
  store<u32>(CURRENT, <u32>first);
  let i: usize = load<u32>(CURRENT);
  while (true) {
    let next: usize = 0;
    switch (<u32>load<u16>(i)) {
`;

const FAST_TAIL = `    }
    if (next == 0) return i;
    const fuel = load<i64>(FUEL) - load<i64>(next - COST);
    if (fuel < 0) {
      store<u64>(RIP, Place.current(next));
      return 0;
    }
    store<i64>(FUEL, fuel);
    i = next;
  }
}
`;

const SLOW_HEAD = `class Block {
  /** The block whose first record is \`next\`, paid for: 0 if it cannot be, RIP is then its address. */
  @inline static enter(next: usize): usize {
    if (next == 0) return 0;
    const fuel = load<i64>(FUEL) - load<i64>(next - COST);
    if (fuel < 0) {
      store<u64>(RIP, Place.current(next));
      return 0;
    }
    store<i64>(FUEL, fuel);
    return next;
  }
}

/** Goes to \`rip\`, which is canonical. */
function jump(rip: u64): usize {
  const next = CodeCache.reach(rip);
  return Block.enter(next != 0 ? next : CodeCache.jump(rip));
}

/**
 * The record at \`i\` raised: settles RIP and fuel. An event is delivered here, and the handler entered, unless the
 * instruction ran alone: the run loop then has more to do.
 */
function raised(i: usize): usize {
  Outcome.interrupt(i);
  if (load<u32>(RAISED) != Raised.Event || load<u32>(STEPPING) != 0) return 0;
  Deliver.event(false);
  return Event.raised() ? 0 : resume();
}

/** Goes on at RIP behind an instruction that ended its block, if nothing needs the run loop. */
function resume(): usize {
  return Outcome.isCalm() ? jump(load<u64>(RIP)) : 0;
}

/** Enters the block at \`rip\`, to which the link in the field at \`place\` of the record at \`i\` leads. */
function follow(i: usize, place: usize, rip: u64): usize {
  const next: usize = load<u32>(i + place);
  return Block.enter(next != 0 ? next : CodeCache.follow(i, place, rip));
}

/** The same for the branch to \`target\` that the record at \`i\` takes. */
function branch(i: usize, target: u64): usize {
  const next: usize = load<u32>(i, 24);
  return Block.enter(next != 0 ? next : CodeCache.branch(i, target));
}

class Handler {
  /** Index in the function table of the function of handler 0. The others follow: they are mentioned in order. */
  static first(): u32 {
`;

const SLOW_TAIL = `    return handler0.index;
  }
  /** Calls the function of the handler \`number\` for the record at \`i\`. */
  @inline static call(number: u32, i: usize): usize {
    return call_indirect<usize>(number + Handler.first(), i);
  }
}

/** Runs the record at \`i\`; the record to go on with, or 0. */
function slow(i: usize): usize {
  return Handler.call(load<u16>(i), i);
}
`;
