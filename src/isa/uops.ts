/**
 * What kind of function each uop is, for the dispatch generator (gen.ts). A uop that is not named here is
 * a function `(i: usize) => void` of asm/exec that reads and writes its operands itself.
 *
 * The named kinds are value functions, `@inline static` methods of a class in asm/exec, generic in the
 * operand's unsigned type T (u8, u16, u32, u64). The generator expands them over the operand shapes and
 * sizes that the rows use, with the loads and stores around them:
 *   binary  (a: T, b: T) => T     first operand = f(first, second)
 *   compare (a: T, b: T) => void
 *   move    (b: T) => T           first operand = f(second)
 *   extend  <T, S>(b: S) => T     first operand = f(second, of its own width)
 *   unary   (a: T) => T           first operand = f(first)
 *   shift   (a: T, count: u8) => T
 *   triple  (a: T, b: T) => T     first operand = f(second, third)
 * The others have a template of their own in gen.ts.
 */

export type UopKind =
  | 'binary'
  | 'compare'
  | 'move'
  | 'extend'
  | 'unary'
  | 'shift'
  | 'triple'
  | 'lea'
  | 'cmov'
  | 'set'
  | 'jcc'
  | 'jmp'
  | 'call'
  | 'jmpIndirect'
  | 'callIndirect'
  | 'ret'
  | 'push'
  | 'pop'
  | 'nop'
  | 'handler';

const CONDITIONS = 'o no b ae e ne be a s ns p np l ge le g'.split(' ');

const NAMED: Record<string, UopKind> = {
  add: 'binary',
  adc: 'binary',
  sub: 'binary',
  sbb: 'binary',
  and: 'binary',
  or: 'binary',
  xor: 'binary',
  imul2: 'binary',
  imul3: 'triple',
  cmp: 'compare',
  test: 'compare',
  mov: 'move',
  movzx: 'extend',
  movsx: 'extend',
  inc: 'unary',
  dec: 'unary',
  neg: 'unary',
  not: 'unary',
  shl: 'shift',
  shr: 'shift',
  sar: 'shift',
  rol: 'shift',
  ror: 'shift',
  lea: 'lea',
  jmp: 'jmp',
  call: 'call',
  jmpIndirect: 'jmpIndirect',
  callIndirect: 'callIndirect',
  ret: 'ret',
  push: 'push',
  pop: 'pop',
  nop: 'nop',
  ...Object.fromEntries(CONDITIONS.map((cc) => [`j${cc}`, 'jcc' as const])),
  ...Object.fromEntries(CONDITIONS.map((cc) => [`cmov${cc}`, 'cmov' as const])),
  ...Object.fromEntries(CONDITIONS.map((cc) => [`set${cc}`, 'set' as const])),
};

/** Kind of the function named `uop`. */
export function uopKind(uop: string): UopKind {
  return NAMED[uop] ?? 'handler';
}

/** Handlers after which the processor's mode, RIP or pending events may differ: they end a block. */
const ENDING = new Set(
  (
    'callNear callNearIndirect jmpNearIndirect retNear callFar jmpFar retFar iret int int1 int3 into loop loope loopne jrcxz syscall sysret sysenter sysexit ' +
    'popf cli sti hlt input output ins outs movs cmps stos lods scas movToSreg popSreg lss lfs lgs les lds lgdt lidt lldt ltr lmsw clts ' +
    'movToCr movToDr movFromDr invlpg invpcid wrmsr rdmsr swapgs wrfsbase wrgsbase clac stac wrpkru ' +
    'monitor mwait wbinvd invd ud0 ud1 ud2 ' +
    'vmxon vmxoff vmclear vmptrld vmptrst vmread vmwrite vmlaunch vmresume vmcall invept invvpid'
  ).split(' '),
);

/** The handler named `uop` ends a block. */
export function endsBlock(uop: string): boolean {
  return ENDING.has(uop);
}

const LEAVING: ReadonlySet<UopKind> = new Set(['jmp', 'jmpIndirect', 'ret']);

/** After the handler named `uop` the code behind its instruction is not what runs next. */
export function leavesLine(uop: string): boolean {
  return LEAVING.has(uopKind(uop));
}
