/** Instructions: operands of the source become operand values, a row is chosen, its bytes emitted. */

import { type Encoded, encodePrefixes, type Prefixes, patchField } from '../isa/encode.ts';
import type { Field } from '../isa/encode-address.ts';
import type { OperandValue } from '../isa/operand-value.ts';
import type { CodeMode, Insn } from '../isa/row.ts';
import { NEWEST_GENERATION } from '../isa/table/generation.ts';
import { NO_16_BIT_ADDRESSES, toAddress } from './address.ts';
import { relocatable, warnOverflow } from './data.ts';
import { LineError, locate } from './diagnostics.ts';
import { isFixed } from './expression.ts';
import type { Pass } from './pass.ts';
import { mayHaveBnd, select, type Traits, takesAddress } from './select.ts';
import type { Instruction, OperandSyntax } from './statement.ts';
import { isScalar, type Value, ZERO } from './value.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** An instruction with its operands evaluated: it may be emitted several times (times). */
export interface Prepared {
  readonly instruction: Instruction;
  readonly prefixes: Prefixes;
  /** `bnd` or `nobnd` before it. */
  readonly bnd: boolean | undefined;
  readonly mode: CodeMode;
  readonly values: readonly OperandValue[];
  /** Symbolic value behind each operand's number. */
  readonly numbers: readonly Value[];
}

export function prepare(pass: Pass, instruction: Instruction): Prepared {
  return locate(instruction.column, () => prepareAll(pass, instruction));
}

function prepareAll(pass: Pass, instruction: Instruction): Prepared {
  const { mode } = pass;
  const prefixes = readPrefixes(pass, instruction);
  const numbers: Value[] = [];
  const values = instruction.operands.map((operand, index) => {
    const value = pass.evaluate(operand.expression);
    numbers[index] = value;
    const { mnemonic } = instruction;
    const plain = operand.kind === 'value' && value.registers.length === 0;
    const isAddress = plain && operand.distance !== 'far' && takesAddress(mnemonic, index);
    const convert = isAddress ? toMemory : toOperand;
    return locate(operand.column, () => convert(pass, operand, value, prefixes, mode));
  });
  return { instruction, prefixes, bnd: bndAsked(instruction), mode, values, numbers };
}

function bndAsked({ prefixes }: Instruction): boolean | undefined {
  if (prefixes.includes('nobnd')) return false;
  return prefixes.includes('bnd') ? true : undefined;
}

const REPEAT: Readonly<Record<string, 'F2' | 'F3'>> = {
  xacquire: 'F2',
  xrelease: 'F3',
  rep: 'F3',
  repe: 'F3',
  repz: 'F3',
  repne: 'F2',
  repnz: 'F2',
};

function readPrefixes(pass: Pass, { prefixes, segment }: Instruction): Mutable<Prefixes> {
  const result: Mutable<Prefixes> = {};
  const set = <K extends keyof Prefixes>(key: K, value: Prefixes[K]): void => {
    if (result[key] !== undefined && result[key] !== value) {
      throw new LineError('instruction has conflicting prefixes');
    }
    result[key] = value;
  };
  for (const word of prefixes) {
    const repeat = REPEAT[word];
    if (repeat) set('repeat', repeat);
    else if (word === 'lock') set('lock', true);
    else if (word === '{rex}') set('rex', true);
    else if (word.startsWith('{') || word.endsWith('bnd')) continue;
    else if (word.startsWith('a')) set('addressSize', Number(word.slice(1)) as 16 | 32 | 64);
    else set('operandSize', Number(word.slice(1)) as 16 | 32 | 64);
  }
  if (result.addressSize === 16 && pass.mode === 64) throw new LineError(NO_16_BIT_ADDRESSES);
  if (result.addressSize === 64 && pass.mode !== 64) {
    throw new LineError('64-bit addressing is only supported in 64-bit mode');
  }
  if (result.rex && pass.mode !== 64) throw notEncodable('{rex}');
  if (segment) setSegment(pass, result, segment.number, segment.name);
  return result;
}

const FIRST_KEPT_SEGMENT = 4;

function setSegment(pass: Pass, prefixes: Mutable<Prefixes>, segment: number, name: string): void {
  if (prefixes.segment !== undefined && prefixes.segment !== segment) {
    throw new LineError('instruction has conflicting segment overrides');
  }
  prefixes.segment = segment;
  if (pass.mode === 64 && segment < FIRST_KEPT_SEGMENT) {
    pass.warn(`${name} segment base generated, but will be ignored in 64-bit mode [-w+prefix-seg]`);
  }
}

function toOperand(
  pass: Pass,
  operand: OperandSyntax,
  value: Value,
  prefixes: Mutable<Prefixes>,
  mode: CodeMode,
): OperandValue {
  if (operand.kind === 'memory') return toMemory(pass, operand, value, prefixes, mode);
  if (operand.kind === 'far') return toFarPointer(pass, operand, value);
  const { bits, column, strict } = operand;
  if (value.registers.length > 0) return toRegister(pass, operand, value);
  if (operand.distance === 'far')
    throw new LineError('invalid use of FAR operand specifier', column);
  // What is not known yet is taken for the number that has the shortest form of all.
  const number = value.unknown ? 1n : value.constant;
  const exact = value.unknown || isScalar(value);
  const { distance } = operand;
  return { kind: 'imm', value: number, bits, exact: exact && !strict, distance };
}

function toRegister(pass: Pass, operand: OperandSyntax, value: Value): OperandValue {
  const [term] = value.registers;
  const alone = value.registers.length === 1 && value.constant === 0n && value.bases.length === 0;
  if (!term || !alone || term.count !== 1n) {
    throw new LineError('invalid operand type', operand.column);
  }
  if (operand.distance === 'far') {
    throw new LineError('invalid use of FAR operand specifier', operand.column);
  }
  const sized = operand.bits !== undefined && term.of.class === 'gpr';
  if (sized && operand.bits !== term.of.bits) {
    pass.warn('invalid register size specification ignored [-w+regsize]', operand.column);
  }
  return term.of;
}

function toFarPointer(pass: Pass, operand: OperandSyntax, selector: Value): OperandValue {
  const offset = operand.offset ? pass.evaluate(operand.offset) : ZERO;
  return {
    kind: 'farptr',
    selector: selector.constant,
    offset: offset.constant,
    bits: operand.bits,
  };
}

function toMemory(
  pass: Pass,
  operand: OperandSyntax,
  value: Value,
  prefixes: Mutable<Prefixes>,
  mode: CodeMode,
): OperandValue {
  const { bits, segment, displacementBits, nosplit } = operand;
  if (segment) setSegment(pass, prefixes, segment.number, segment.name);
  const plain = value.registers.length === 0;
  const ripRelative = mode === 64 && plain && isRelative(pass, operand, value);
  if (plain && displacementBits !== undefined) checkPlainSize(pass, operand, ripRelative);
  const addressBits = operand.addressBits ?? prefixes.addressSize;
  const address = toAddress(value, {
    mode,
    nosplit,
    displacementBits,
    addressBits,
    ripRelative,
  });
  return { kind: 'mem', bits, far: operand.distance === 'far', address };
}

/** RIP-relative by `rel` or `default rel`, which leaves fs and gs bases alone. */
function isRelative(pass: Pass, operand: OperandSyntax, value: Value): boolean {
  const { reference, segment } = operand;
  if (reference === 'abs') return false;
  const based = (segment?.number ?? 0) >= FIRST_KEPT_SEGMENT;
  if (reference === undefined && (!pass.defaultRel || based)) return false;
  if (value.unknown || value.bases.length > 0) return true;
  pass.warn('absolute address can not be RIP-relative [-w+ea-absolute]', operand.column);
  return false;
}

function checkPlainSize(pass: Pass, operand: OperandSyntax, ripRelative: boolean): void {
  if (operand.displacementBits === 8 || (ripRelative && operand.displacementBits === 64)) {
    pass.warn('displacement size ignored on absolute address [-w+ea-dispsize]', operand.column);
  }
}

/** The bytes of an instruction; prefixes alone have no row. */
type Code = Omit<Encoded, 'row'> & { readonly row: Insn | undefined };

/** Code of instructions without symbols in each mode, which is the same in every pass. */
const fixedCode: Readonly<Record<CodeMode, WeakMap<Instruction, Code>>> = {
  16: new WeakMap(),
  32: new WeakMap(),
  64: new WeakMap(),
};

/** Carries out an instruction; passes that only count take its size from an earlier one. */
export function executeInstruction(pass: Pass, instruction: Instruction): void {
  // Only what a source has by default is kept.
  const isKept = pass.generation === NEWEST_GENERATION && !pass.defaultBnd;
  const known = isKept ? fixedCode[pass.mode].get(instruction) : undefined;
  if (known !== undefined && !pass.isFinal) {
    pass.skip(known.bytes.length);
    return;
  }
  const prepared = prepare(pass, instruction);
  const code = known ?? encodePrepared(pass, prepared);
  emitCode(pass, code, prepared);
  const isConstant = instruction.operands.every((o) => isFixed(o.expression) && o.kind !== 'far');
  if (isConstant && isKept) fixedCode[pass.mode].set(instruction, code);
}

/** Encodes at the current offset and emits. Returns the number of bytes. */
export function emitInstruction(pass: Pass, prepared: Prepared): number {
  const code = encodePrepared(pass, prepared);
  emitCode(pass, code, prepared);
  return code.bytes.length;
}

function encodePrepared(pass: Pass, prepared: Prepared): Code {
  const { instruction, values, prefixes, mode, bnd } = prepared;
  const { mnemonic, column, operands } = instruction;
  if (mnemonic === '') {
    checkAlone(instruction);
    return { row: undefined, bytes: new Uint8Array(encodePrefixes(prefixes, mode)), fields: [] };
  }
  const traits = operands.map((operand, index) => traitsOf(pass, prepared, operand, index));
  const { generation, defaultBnd } = pass;
  return locate(column, () => {
    const options = { mode, prefixes, generation, bnd: bnd ?? defaultBnd };
    const code = select(mnemonic, values, traits, options);
    if (bnd !== undefined && !mayHaveBnd(code.row, traits[0])) {
      throw new LineError(`${bnd ? 'bnd' : 'nobnd'} prefix is not allowed`);
    }
    checkEncoding(instruction, code.row);
    return code;
  });
}

/** Prefixes that must have an instruction behind them. */
function checkAlone({ prefixes, column }: Instruction): void {
  for (const word of prefixes) {
    if (word.endsWith('bnd')) throw new LineError(`${word} prefix is not allowed`, column);
    if (word.startsWith('{')) throw notEncodable(word);
  }
}

const notEncodable = (prefix: string): LineError =>
  new LineError(`instruction not encodable with ${prefix} prefix`);

/** `{rex}` is for instructions without VEX, the others are for those with one: of three bytes, here. */
function checkEncoding({ prefixes }: Instruction, { encoding }: Insn): void {
  for (const word of prefixes) {
    if (!word.startsWith('{')) continue;
    const is3 = encoding.map !== '0F';
    const fits = word === '{rex}' ? !encoding.vex : encoding.vex && VEX_WORDS.has(word) && is3;
    if (!fits) throw notEncodable(word);
  }
}

const VEX_WORDS = new Set(['{vex}', '{vex3}']);

function traitsOf(
  pass: Pass,
  { numbers }: Prepared,
  { kind, strict, column, distance: asked }: OperandSyntax,
  index: number,
): Traits {
  const value = numbers[index] as Value;
  const distance = asked === 'far' ? undefined : asked;
  if (kind !== 'value' || value.registers.length > 0) {
    return { reachable: undefined, strict: false, distance, column };
  }
  const reachable = (length: number): boolean => {
    if (value.unknown || asked === 'short') return true;
    if (!isInSection(pass, value)) return false;
    const ahead = value.constant - BigInt(pass.offset + length);
    return ahead >= -128n && ahead <= 127n;
  };
  return { reachable, strict, distance, column };
}

/** A place in the section that is being assembled. */
function isInSection(pass: Pass, { bases }: Value): boolean {
  const [term] = bases;
  return bases.length === 1 && term?.of === pass.section.runBase && term.count === 1n;
}

const NOT_LOCKABLE = 'instruction is not lockable [-w+prefix-lock]';

function checkPrefixes(pass: Pass, { row }: Code, { prefixes, values }: Prepared): void {
  if (prefixes.lock && !(row?.lock && values[0]?.kind === 'mem')) pass.warn(NOT_LOCKABLE);
}

function emitCode(pass: Pass, code: Code, prepared: Prepared): void {
  if (pass.isFinal) checkPrefixes(pass, code, prepared);
  const { bytes, fields } = code;
  const end = pass.offset + bytes.length;
  let done = 0;
  const flush = (upTo: number): void => {
    if (upTo > done) pass.emit(bytes.slice(done, upTo));
    done = upTo;
  };
  for (const field of fields) {
    const { column } = prepared.instruction.operands[field.operand] as OperandSyntax;
    const value = numberOf(pass, prepared, field);
    if (field.kind === 'relative') {
      const distance = value.constant - BigInt(end);
      if (value.unknown || (isInSection(pass, value) && value.wrt === undefined)) {
        checkReach(pass, field, distance, value.unknown, column);
        patchField(bytes, field, distance);
        continue;
      }
      flush(field.offset);
      const bases = [...relocatable(pass, value, column), { of: pass.section.runBase, count: -1n }];
      const { size } = field;
      pass.emitAddress(
        { value: distance, size, bases, signed: true, wrt: value.wrt },
        value.constant,
      );
    } else if (value.bases.length > 0) {
      flush(field.offset);
      const bases = relocatable(pass, value, column);
      const signed = isExtended(field, prepared);
      pass.emitAddress({ value: value.constant, size: field.size, bases, signed, wrt: value.wrt });
    } else {
      if (pass.isFinal) checkRange(pass, field, value, column);
      continue;
    }
    done = field.offset + field.size;
  }
  flush(bytes.length);
}

/** True if the processor extends the field's sign to a wider operand or address. */
function isExtended({ kind, signed, operand }: Field, { values }: Prepared): boolean {
  const value = values[operand];
  if (kind === 'displacement') return value?.kind === 'mem' && value.address.bits === 64;
  return signed;
}

function numberOf(pass: Pass, { instruction, numbers, values }: Prepared, field: Field): Value {
  const operand = instruction.operands[field.operand] as OperandSyntax;
  const isOffset = values[field.operand]?.kind === 'farptr' && field.kind !== 'selector';
  if (isOffset && operand.offset) return pass.evaluate(operand.offset);
  return numbers[field.operand] as Value;
}

function checkReach(
  pass: Pass,
  field: Field,
  distance: bigint,
  unknown: boolean,
  column: number,
): void {
  if (field.size !== 1 || unknown || (distance >= -128n && distance <= 127n)) return;
  pass.error('short jump is out of range', column);
}

/** Warns where a field cuts its number off. */
function checkRange(pass: Pass, field: Field, value: Value, column: number): void {
  const { constant } = value;
  const size = field.size as 1 | 2 | 4 | 8;
  if (field.kind === 'immediate' && field.signed) {
    checkSigned(pass, constant, size, column);
    return;
  }
  warnOverflow(pass, constant, size, column);
}

function checkSigned(pass: Pass, value: bigint, size: number, column: number): void {
  if (size === 1 && BigInt.asIntN(8, value) !== value) {
    const wide = value >= 1n << 32n || value < -(1n << 31n);
    if (wide) pass.warn('dword value exceeds bounds [-w+number-overflow]', column);
  } else if (size === 4 && BigInt.asIntN(32, value) !== value) {
    pass.warn('signed dword immediate exceeds bounds [-w+number-overflow]', column);
  }
}
