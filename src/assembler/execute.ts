/** Carries out one statement in a pass. */

import { checkedSize, emitBinary, emitData, emitReserve } from './data.ts';
import { LineError } from './diagnostics.ts';
import { executeDirective } from './directives.ts';
import { emitInstruction, executeInstruction, prepare } from './instruction.ts';
import type { Pass } from './pass.ts';
import type { Align, Body, Message, Statement } from './statement.ts';
import { isSpecial } from './symbols.ts';
import { isScalar } from './value.ts';

export function execute(pass: Pass, statement: Statement): void {
  const { label, body } = statement;
  if (body?.kind === 'equ') {
    if (!label) throw new LineError('equ without a label', body.column);
    defineConstant(pass, statement);
    return;
  }
  if (label) {
    defineLabel(pass, statement);
    if (!body && !label.colon) {
      pass.warn(
        'label alone on a line without a colon might be in error [-w+label-orphan]',
        label.column,
      );
    }
  }
  if (!body) return;
  const { times } = statement;
  if (!times) {
    executeBody(pass, body);
    return;
  }
  const count = pass.eventualNumber(times, 'non-constant argument supplied to TIMES', 0);
  if (count < 0n) pass.error(`TIMES value ${count} is negative`);
  else executeTimes(pass, body, count);
}

function whereOf(pass: Pass): string {
  const { file, line, expansion } = pass.place.position;
  return expansion ? `${file}:${line}<${expansion.at.line}` : `${file}:${line}`;
}

function defineLabel(pass: Pass, { label }: Statement): void {
  if (!label) return;
  const here = pass.here();
  const base = here.bases[0]?.of;
  if (base?.kind === 'section') base.section.isUsed = true;
  define(pass, label.name, base, here.constant, label.column, true);
}

function defineConstant(pass: Pass, { label, body }: Statement): void {
  if (body?.kind !== 'equ' || !label) return;
  const value = pass.evaluate(body.value);
  // A constant that hangs on something unknown gets its value in a later pass.
  if (value.unknown) {
    pass.symbols.expect(label.name);
    return;
  }
  const [term] = value.bases;
  const simple = value.bases.length === 0 || (value.bases.length === 1 && term?.count === 1n);
  if (!simple || value.registers.length > 0) throw new LineError('bad syntax for EQU', body.column);
  define(pass, label.name, term?.of, value.constant, label.column, false);
}

function define(
  pass: Pass,
  name: string,
  base: Parameters<Pass['symbols']['define']>[1],
  offset: bigint,
  column: number,
  startsScope: boolean,
): void {
  const { isObject, specials } = pass.format;
  if (isObject && isSpecial(name) && !specials.has(name)) {
    throw new LineError(`unrecognised special symbol \`${name}'`, column);
  }
  const earlier = pass.symbols.define(name, base, offset, whereOf(pass), startsScope);
  const declaration = pass.symbols.declaration(name);
  if (pass.isFinal && declaration?.sizeExpression) {
    const message = 'cannot use relocatable expression as symbol size';
    declaration.size = pass.eventualNumber(declaration.sizeExpression, message, column);
  }
  if (pass.isFinal) pass.program.debug?.label(base ? pass.symbols.qualify(name) : undefined);
  if (earlier) {
    pass.error(`label \`${name}' inconsistently redefined (first at ${earlier.where})`, column);
  }
}

function executeBody(pass: Pass, body: Body): void {
  switch (body.kind) {
    case 'instruction':
      executeInstruction(pass, body);
      return;
    case 'data':
      if (pass.isFinal) pass.program.debug?.data(body.size);
      emitData(pass, body);
      return;
    case 'reserve':
      if (pass.isFinal) pass.program.debug?.data(body.size);
      emitReserve(pass, body);
      return;
    case 'incbin':
      emitBinary(pass, body);
      return;
    case 'align':
      executeAlign(pass, body);
      return;
    case 'message':
      executeMessage(pass, body);
      return;
    case 'equ':
      throw new LineError('equ cannot be repeated', body.column);
    default:
      executeDirective(pass, body);
      return;
  }
}

function executeMessage(pass: Pass, { severity, text }: Message): void {
  if (severity === 'error') pass.error(text);
  else if (severity === 'warning') pass.warn(`${text} [-w+user]`);
  else if (pass.isFinal) pass.diagnostics.note(pass.place, text);
}

/**
 * Repeats a body. Operands are evaluated once; an instruction is encoded anew at each place, since
 * its relative fields change, while everything else is copied.
 */
function executeTimes(pass: Pass, body: Body, count: bigint): void {
  if (count === 0n) return;
  const before = pass.offset;
  if (body.kind === 'instruction') {
    repeatInstruction(pass, prepare(pass, body), count);
    return;
  }
  if (body.kind === 'reserve') {
    repeatReserve(pass, body, count);
    return;
  }
  if (body.kind !== 'data' && body.kind !== 'incbin') {
    throw new LineError('TIMES cannot repeat a directive');
  }
  const relocations = pass.output.relocationCount;
  executeBody(pass, body);
  listRepeat(pass, count);
  const length = pass.offset - before;
  const rest = count - 1n;
  checkedSize(pass, BigInt(length) * rest);
  if (pass.output.relocationCount === relocations) pass.repeat(length, Number(rest));
  else {
    pass.withoutListing(() => {
      for (let i = 0n; i < rest; i++) executeBody(pass, body);
    });
  }
}

function repeatReserve(pass: Pass, body: Body & { kind: 'reserve' }, count: bigint): void {
  const units = pass.eventualNumber(
    body.count,
    'non-constant argument supplied to RESB',
    body.column,
  );
  pass.reserve(checkedSize(pass, units * BigInt(body.size) * count));
}

function repeatInstruction(pass: Pass, prepared: ReturnType<typeof prepare>, count: bigint): void {
  const relative = prepared.numbers.some(
    (value) => !isScalar(value) && value.registers.length === 0,
  );
  const length = emitInstruction(pass, prepared);
  listRepeat(pass, count);
  const rest = count - 1n;
  checkedSize(pass, BigInt(length) * rest);
  if (!relative) {
    pass.repeat(length, Number(rest));
    return;
  }
  pass.withoutListing(() => {
    for (let i = 0n; i < rest; i++) emitInstruction(pass, prepared);
  });
}

function listRepeat(pass: Pass, count: bigint): void {
  if (count === 1n) return;
  pass.list(pass.offset, { kind: 'tag', tag: 'rep', count: Number(count) });
}

/** `align` and `alignb`: fill up to the next multiple, counted from the section's start. */
function executeAlign(pass: Pass, body: Align): void {
  const { alignment: expression, column } = body;
  const alignment = pass.number(expression, 'alignment must be a number', column);
  if (alignment <= 0n || (alignment & (alignment - 1n)) !== 0n) {
    throw new LineError(`segment alignment \`${alignment}' is not power of two`, column);
  }
  const from = pass.here();
  const count = (alignment - (BigInt.asUintN(64, from.constant) % alignment)) % alignment;
  if (!pass.isAbsolute && pass.alignsSections)
    pass.format.raiseAlignment(pass, pass.section, alignment);
  if (count === 0n) return;
  if (body.reserves) {
    pass.reserve(checkedSize(pass, count), true);
    return;
  }
  const fill = body.fill?.body ?? NOP;
  executeTimes(pass, fill, count);
}

/** What `align` fills with by itself. */
const NOP: Body = { kind: 'data', size: 1, items: [{ kind: 'string', bytes: '\x90' }] };
