/** The operations under test: their encodings, random operands, and what the model makes of them. */

import fc from 'fast-check';
import { gateOf, mostly, OFFSETS, type Setting, selectorOf, UPPER } from './descriptors.ts';
import { IDT, type Mode } from './machine.ts';
import type { OperandSize } from './model/code-target.ts';
import { type DataRegister, loadDataRegister } from './model/data-load.ts';
import { farCall } from './model/far-call.ts';
import { farJump } from './model/far-jump.ts';
import { farReturn } from './model/far-return.ts';
import { interruptReturn } from './model/interrupt-return.ts';
import { type Answer, loadAccessRights, loadSegmentLimit, verify } from './model/query.ts';
import { softwareInterrupt } from './model/software-interrupt.ts';
import { currentStack, move, peek } from './model/stack.ts';
import { RSP, type State } from './model/state.ts';
import { loadLdtr, loadTr } from './model/table-register.ts';
import { pointerOf, type Staging, words } from './scenes.ts';

export interface Operation extends Staging {
  /** Does to the model what the instruction does to the processor, and says what that was. */
  readonly run: (state: State) => string;
}

const CS_PREFIX = 0x2e;
const OPERAND_SIZE = 0x66;
const REX_W = 0x48;

const is64 = ({ mode }: Setting): boolean => mode === '64-bit';

/** Prefixes for an operand size where 32 bits are the default. */
const sized = (size: OperandSize): number[] =>
  size === 8 ? [REX_W] : size === 2 ? [OPERAND_SIZE] : [];
const sizesOf = (setting: Setting): fc.Arbitrary<OperandSize> =>
  is64(setting) ? fc.constantFrom(8, 8, 4, 2) : fc.constantFrom(4, 4, 2);

const offsetOf = (setting: Setting): fc.Arbitrary<bigint> => {
  const low = OFFSETS.map(BigInt);
  if (!is64(setting)) return fc.constantFrom(...low);
  const high = [0xffff_8000_0000_1000n, 0x8000_0000_0000n, 0x1_0000_1000n];
  return fc.constantFrom(...low, ...high, ...high);
};

/** A selector as it lies in a wider slot. */
const slotOf = (selector: number): bigint => BigInt(selector) | 0xabcd_0000n;

/** A far pointer in memory. */
function farPointer(offset: bigint, selector: number, size: OperandSize): Uint8Array {
  return Buffer.concat([words([offset]).subarray(0, size), words([BigInt(selector)])]);
}

const REGISTERS: readonly DataRegister[] = ['es', 'ss', 'ds', 'fs', 'gs'];
const NUMBERS: Readonly<Record<DataRegister, number>> = { es: 0, ss: 2, ds: 3, fs: 4, gs: 5 };

const dataSelector = ({ cpl }: Setting): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 6, arbitrary: selectorOf('data', cpl) },
    { weight: 2, arbitrary: selectorOf('code', cpl) },
    { weight: 1, arbitrary: fc.nat(3) },
  );

export const moveToSegment = (setting: Setting): fc.Arbitrary<Operation> =>
  fc.tuple(fc.constantFrom(...REGISTERS), dataSelector(setting)).map(([name, selector]) => ({
    code: [0x8e, 0xc0 | (NUMBERS[name] << 3)],
    rax: slotOf(selector),
    run: (state) => loadDataRegister(state, name, selector),
  }));

const POPS: Readonly<Record<DataRegister, readonly number[]>> = {
  es: [0x07],
  ss: [0x17],
  ds: [0x1f],
  fs: [0x0f, 0xa1],
  gs: [0x0f, 0xa9],
};

export function popSegment(setting: Setting): fc.Arbitrary<Operation> {
  const names = is64(setting) ? (['fs', 'gs'] as const) : REGISTERS;
  const wide = is64(setting) ? 8 : 4;
  return fc
    .tuple(fc.constantFrom(...names), dataSelector(setting), fc.constantFrom(wide, wide, 2))
    .map(([name, selector, size]) => ({
      code: [...(size === 2 ? [OPERAND_SIZE] : []), ...POPS[name]],
      frame: { size, slots: [slotOf(selector)] },
      run: (state) => {
        const stack = currentStack(state);
        const popped = Number(peek(state, stack, 0, size) & 0xffffn);
        move(stack, size);
        const what = loadDataRegister(state, name, popped);
        state.gpr[RSP] = stack.pointer;
        return what;
      },
    }));
}

const FAR_LOADS: Readonly<Record<DataRegister, readonly number[]>> = {
  es: [0xc4],
  ds: [0xc5],
  ss: [0x0f, 0xb2],
  fs: [0x0f, 0xb4],
  gs: [0x0f, 0xb5],
};

/** LDS, LES, LFS, LGS, LSS. */
export function loadFarPointer(setting: Setting): fc.Arbitrary<Operation> {
  const names = is64(setting) ? (['ss', 'fs', 'gs'] as const) : REGISTERS;
  return fc
    .tuple(fc.constantFrom(...names), dataSelector(setting), sizesOf(setting))
    .map(([name, selector, size]) => ({
      code: [CS_PREFIX, ...sized(size), ...FAR_LOADS[name], 0x0b],
      operand: farPointer(0x1234_5678_9abcn, selector, size),
      run: (state) => {
        const what = loadDataRegister(state, name, selector);
        setRegister(state, 1, 0x1234_5678_9abcn, size);
        return what;
      },
    }));
}

/** Writes the low bytes of a general register; 32 bits clear those above. */
function setRegister(state: State, n: number, value: bigint, size: OperandSize): void {
  const cut = BigInt.asUintN(8 * size, value);
  state.gpr[n] = size === 2 ? ((state.gpr[n] ?? 0n) & ~0xffffn) | cut : cut;
}

const transferSelector = ({ cpl, isThere }: Setting): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: isThere ? 0 : 4, arbitrary: selectorOf('code', cpl) },
    { weight: 5, arbitrary: selectorOf('gate', cpl) },
    { weight: 1, arbitrary: selectorOf('system', cpl) },
    { weight: 1, arbitrary: selectorOf('any', cpl) },
  );

interface Transfer {
  readonly model: typeof farJump;
  /** Of the form with the pointer in the instruction, and FF's ModRM byte for [rbx]. */
  readonly direct: number;
  readonly indirect: number;
}

function transferOf(
  setting: Setting,
  { model, direct, indirect }: Transfer,
): fc.Arbitrary<Operation> {
  return fc
    .tuple(transferSelector(setting), offsetOf(setting), sizesOf(setting), fc.boolean())
    .map(([selector, offset, size, isDirect]) => {
      const run = (state: State): string =>
        model(state, selector, BigInt.asUintN(8 * size, offset), size);
      if (!is64(setting) && isDirect) {
        const pointer = farPointer(offset, selector, size).subarray(0, size + 2);
        return { code: [...sized(size), direct, ...pointer], run };
      }
      const operand = farPointer(offset, selector, size);
      return { code: [CS_PREFIX, ...sized(size), 0xff, indirect], operand, run };
    });
}

export const jumpFar = (setting: Setting): fc.Arbitrary<Operation> =>
  transferOf(setting, { model: farJump, direct: 0xea, indirect: 0x2b });
export const callFar = (setting: Setting): fc.Arbitrary<Operation> =>
  transferOf(setting, { model: farCall, direct: 0x9a, indirect: 0x1b });

/** Where a return goes: to the level of the case, if that is not inward. */
function destination(setting: Setting) {
  const level = Math.max(setting.cpl, setting.level);
  return {
    size: sizesOf(setting),
    offset: offsetOf(setting),
    selector: mostly(0, fc.nat(3), 19).chain((nothing) =>
      nothing > 0 ? fc.constant(nothing) : selectorOf('code', level),
    ),
    pointer: pointerOf(setting),
    stack: fc.oneof(
      { weight: 14, arbitrary: selectorOf('data', level) },
      { weight: 2, arbitrary: fc.constant(level) },
      { weight: 1, arbitrary: fc.nat(3) },
    ),
  };
}

export function returnFar(setting: Setting): fc.Arbitrary<Operation> {
  const release = fc.constantFrom(0, 0, 4, 8, 0x7ff8);
  return fc
    .record({ ...destination(setting), release })
    .map(({ size, offset, selector, pointer, stack, release: gap }) => ({
      code: [...sized(size), ...(gap > 0 ? [0xca, gap & 0xff, gap >> 8] : [0xcb])],
      frame: { size, gap, slots: [offset, slotOf(selector), pointer, slotOf(stack)] },
      run: (state) => farReturn(state, size, gap),
    }));
}

const IMAGE_BITS = 0x3d_ffffn;
const VM = 1n << 17n;

export function returnFromInterrupt(setting: Setting): fc.Arbitrary<Operation> {
  const image = fc
    .tuple(fc.bigInt({ min: 0n, max: IMAGE_BITS }), mostly(0n, fc.constant(VM), 9))
    .map(([bits, vm]) => (bits & ~VM) | vm);
  return fc
    .record({ ...destination(setting), image })
    .map(({ size, offset, selector, pointer, stack, image: flags }) => ({
      code: [...sized(size), 0xcf],
      frame: { size, slots: [offset, slotOf(selector), flags, pointer, slotOf(stack)] },
      run: (state) => interruptReturn(state, size),
    }));
}

const ZF = 0x40n;

function queryOf(
  setting: Setting,
  opcode: readonly number[],
  model: (state: State, selector: number) => Answer,
  sizes: fc.Arbitrary<OperandSize>,
): fc.Arbitrary<Operation> {
  const selector = fc.oneof(
    { weight: 2, arbitrary: dataSelector(setting) },
    { weight: 2, arbitrary: transferSelector(setting) },
  );
  return fc.tuple(selector, sizes).map(([asked, size]) => ({
    code: [...sized(size), ...opcode],
    rax: slotOf(asked),
    run: (state) => {
      const answer = model(state, asked);
      if ('no' in answer) {
        state.rflags &= ~ZF;
        return `no: ${answer.no}`;
      }
      state.rflags |= ZF;
      if (opcode.length === 3 && opcode[1] !== 0) setRegister(state, 1, answer.value, size);
      return answer.yes;
    },
  }));
}

/** rcx, rax. */
export const lar = (setting: Setting): fc.Arbitrary<Operation> =>
  queryOf(setting, [0x0f, 0x02, 0xc8], loadAccessRights, sizesOf(setting));
export const lsl = (setting: Setting): fc.Arbitrary<Operation> =>
  queryOf(setting, [0x0f, 0x03, 0xc8], loadSegmentLimit, sizesOf(setting));
/** ax. */
export const verr = (setting: Setting): fc.Arbitrary<Operation> =>
  queryOf(setting, [0x0f, 0x00, 0xe0], (state, at) => verify(state, at, false), fc.constant(4));
export const verw = (setting: Setting): fc.Arbitrary<Operation> =>
  queryOf(setting, [0x0f, 0x00, 0xe8], (state, at) => verify(state, at, true), fc.constant(4));

const tableSelector = fc.oneof(
  { weight: 8, arbitrary: selectorOf('system', 0) },
  { weight: 1, arbitrary: selectorOf('any', 0) },
  { weight: 1, arbitrary: fc.nat(3) },
);

export const lldt = (): fc.Arbitrary<Operation> =>
  tableSelector.map((selector) => ({
    code: [0x0f, 0x00, 0xd0],
    rax: slotOf(selector),
    run: (state) => loadLdtr(state, selector),
  }));
export const ltr = (): fc.Arbitrary<Operation> =>
  tableSelector.map((selector) => ({
    code: [0x0f, 0x00, 0xd8],
    rax: slotOf(selector),
    run: (state) => loadTr(state, selector),
  }));

const VECTOR = 0x21;
const INTERRUPT_TYPES: Readonly<Record<Mode, fc.Arbitrary<number>>> = {
  protected: fc.constantFrom(0xe, 0xe, 0xf, 0xf, 6, 7, 5, 0xc),
  compatibility: fc.constantFrom(0xe, 0xe, 0xf, 0xf, 6),
  '64-bit': fc.constantFrom(0xe, 0xe, 0xf, 0xf, 5),
};

/** INT n through the only gate of the IDT. */
export function interrupt(setting: Setting): fc.Arbitrary<Operation> {
  const isLong = setting.mode !== 'protected';
  const step = isLong ? 16 : 8;
  const end = (VECTOR + 1) * step - 1;
  const ist = isLong ? mostly(0, fc.nat(7), 2) : fc.constant(0);
  return fc
    .tuple(
      gateOf(setting, INTERRUPT_TYPES[setting.mode], ist),
      UPPER,
      mostly(end, fc.constantFrom(end - 1, end - 8), 15),
    )
    .map(([low, high, limit]) => ({
      code: [0xcd, VECTOR],
      idt: { address: IDT + VECTOR * step, bytes: words(isLong ? [low, high] : [low]), limit },
      run: (state) => softwareInterrupt(state, VECTOR),
    }));
}
