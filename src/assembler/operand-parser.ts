/** Parses one operand of an instruction: size keywords, brackets, segment overrides, far pointers. */

import { type Expression, parseExpression, type TokenReader } from './expression.ts';
import type { Register } from './registers.ts';
import type { OperandSyntax } from './statement.ts';

const SIZES: Readonly<Record<string, number>> = {
  byte: 8,
  word: 16,
  dword: 32,
  long: 32,
  qword: 64,
  tword: 80,
  oword: 128,
  yword: 256,
  zword: 512,
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export function parseOperand(reader: TokenReader): OperandSyntax {
  const operand: Mutable<Omit<OperandSyntax, 'expression'>> = {
    kind: 'value',
    bits: undefined,
    strict: false,
    distance: undefined,
    offset: undefined,
    column: reader.column,
    nosplit: false,
    displacementBits: undefined,
    addressBits: undefined,
    reference: undefined,
    segment: undefined,
  };
  while (parseModifier(reader, operand)) reader.at++;
  let expression: Expression;
  if (reader.isOp('[')) expression = parseMemory(reader, operand);
  else {
    expression = parseExpression(reader);
    if (reader.accept(':')) {
      if (expression.kind === 'register') {
        operand.segment = segmentOf(expression, reader);
        if (!reader.isOp('[')) reader.fail("expecting `[' after segment override");
        expression = parseMemory(reader, operand);
      } else {
        operand.kind = 'far';
        operand.offset = parseExpression(reader);
      }
    }
  }
  return { ...operand, expression };
}

function parseModifier(
  reader: TokenReader,
  operand: Mutable<Omit<OperandSyntax, 'expression'>>,
): boolean {
  const word = reader.word;
  if (word === undefined) return false;
  const bits = SIZES[word];
  if (bits !== undefined) operand.bits ??= bits;
  else if (word === 'strict') operand.strict = true;
  else if (word === 'short' || word === 'near' || word === 'far') operand.distance = word;
  else return false;
  return true;
}

function parseMemory(
  reader: TokenReader,
  operand: Mutable<Omit<OperandSyntax, 'expression'>>,
): Expression {
  reader.expect('[');
  operand.kind = 'memory';
  while (parseAddressModifier(reader, operand)) reader.at++;
  let expression = parseExpression(reader);
  if (reader.isOp(':')) {
    if (operand.segment) reader.fail('instruction has conflicting segment overrides');
    operand.segment = segmentOf(expression, reader);
    reader.at++;
    while (parseAddressModifier(reader, operand)) reader.at++;
    expression = parseExpression(reader);
  }
  reader.expect(']', 'expecting ] at end of memory operand');
  return expression;
}

function parseAddressModifier(
  reader: TokenReader,
  operand: Mutable<Omit<OperandSyntax, 'expression'>>,
): boolean {
  const word = reader.word;
  if (word === undefined) return false;
  const bits = SIZES[word];
  if (bits !== undefined) {
    if (bits > 64) reader.fail('invalid size specification in effective address');
    operand.displacementBits = bits;
  } else if (word === 'rel' || word === 'abs') operand.reference = word;
  else if (word === 'nosplit') operand.nosplit = true;
  else if (word === 'a16' || word === 'a32' || word === 'a64') {
    operand.addressBits = Number(word.slice(1));
  } else return false;
  return true;
}

function segmentOf(expression: Expression, reader: TokenReader): Register {
  if (expression.kind !== 'register' || expression.register.class !== 'sreg') {
    return reader.fail('invalid segment override');
  }
  return expression.register;
}
