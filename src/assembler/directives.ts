/** Carries out directives: code size, addressing default, origin, sections, symbols of other objects. */

import type { CodeMode } from '../isa/row.ts';
import { FIRST_32_BIT, FIRST_64_BIT, generationNamed } from '../isa/table/generation.ts';
import { LineError, locate } from './diagnostics.ts';
import type { Expression } from './expression.ts';
import type { FormatName } from './options.ts';
import type { Pass } from './pass.ts';
import type {
  DeclaredSymbol,
  Directive,
  Linkage,
  ProcessorWord,
  SectionDirective,
} from './statement.ts';
import type { Declaration } from './symbols.ts';

export function executeDirective(pass: Pass, directive: Directive): void {
  switch (directive.kind) {
    case 'bits': {
      const bits = pass.number(directive.bits, 'bits must be a number', directive.column);
      setMode(pass, bits, directive.column);
      return;
    }
    case 'affix':
      if (concerns(directive.facility, pass.format.name)) {
        pass.format.affix(directive.which, directive.text);
      }
      return;
    case 'list':
      pass.isListing = directive.isOn;
      return;
    case 'warning':
      for (const word of directive.words) pass.diagnostics.warnings.set(word);
      return;
    case 'osabi':
      setAbi(pass, directive);
      return;
    case 'cpu':
      for (const word of directive.words) setProcessor(pass, word);
      return;
    case 'default':
      setDefault(pass, directive.reference);
      return;
    case 'org': {
      const message = 'org value must be a critical expression';
      const origin = pass.number(directive.origin, message, directive.column);
      locate(directive.column, () => pass.format.setOrigin(origin));
      return;
    }
    case 'absolute':
      pass.absolute = pass.evaluate(directive.address);
      return;
    case 'sectalign':
      setSectionAlignment(pass, directive);
      return;
    case 'section':
      openSection(pass, directive);
      return;
    case 'symbols':
      for (const symbol of directive.symbols) declare(pass, directive.linkage, symbol);
      return;
    case 'ignored':
      return;
  }
}

/** A pragma for all output, for one format, or for both kinds of ELF. */
function concerns(facility: string, format: FormatName): boolean {
  return facility === 'output' || facility === format || (facility === 'elf' && format !== 'bin');
}

const MODES: ReadonlyMap<bigint, CodeMode> = new Map([
  [16n, 16],
  [32n, 32],
  [64n, 64],
]);

function setMode(pass: Pass, bits: bigint, column: number): void {
  const mode = MODES.get(bits);
  if (mode === undefined) {
    throw new LineError(`\`${bits}' is not a valid segment size; must be 16, 32 or 64`, column);
  }
  const { generation } = pass;
  if (mode === 64 && generation < FIRST_64_BIT) {
    throw new LineError('cannot specify 64-bit segment on processor below an x86-64', column);
  }
  if (mode === 32 && generation < FIRST_32_BIT) {
    throw new LineError('cannot specify 32-bit segment on processor below a 386', column);
  }
  pass.mode = mode;
}

function setAbi(pass: Pass, { abi, version, column }: Directive & { kind: 'osabi' }): void {
  const message = 'valid osabi numbers are 0 to 255';
  const byte = (expression: Expression): number => {
    const value = pass.number(expression, message, column);
    if (value < 0n || value > 255n) throw new LineError(message, column);
    return Number(value);
  };
  const system = byte(abi);
  locate(column, () => pass.format.setAbi(system, version ? byte(version) : 0));
}

/** Words of `cpu` that change nothing here: which of several VEX encodings is preferred. */
const ENCODING_WORDS = new Set(['latevex', 'evex']);

function setProcessor(pass: Pass, { text, column }: ProcessorWord): void {
  const word = text.toLowerCase();
  if (ENCODING_WORDS.has(word)) return;
  const generation = generationNamed(word);
  if (generation === undefined) {
    throw new LineError(`unknown CPU type or flag '${text}'`, column);
  }
  pass.generation = generation;
}

function setDefault(pass: Pass, reference: 'rel' | 'abs' | 'bnd' | 'nobnd'): void {
  if (reference === 'rel' || reference === 'abs') pass.defaultRel = reference === 'rel';
  else pass.defaultBnd = reference === 'bnd';
}

function setSectionAlignment(
  pass: Pass,
  { alignment, column }: Directive & { kind: 'sectalign' },
): void {
  if (typeof alignment === 'boolean') {
    pass.alignsSections = alignment;
    return;
  }
  const value = pass.number(alignment, 'alignment must be a number', column);
  if (value <= 0n || (value & (value - 1n)) !== 0n) {
    throw new LineError(`segment alignment \`${value}' is not power of two`, column);
  }
  if (!pass.isAbsolute) pass.format.raiseAlignment(pass, pass.section, value);
}

function openSection(pass: Pass, directive: SectionDirective): void {
  const section = pass.sections.named(directive.name);
  locate(directive.column, () => pass.format.openSection(pass, section, directive));
  pass.section = section;
}

function declare(pass: Pass, linkage: Linkage, symbol: DeclaredSymbol): void {
  const { name, column } = symbol;
  const needsObject = linkage === 'extern' || linkage === 'required' || linkage === 'common';
  if (linkage === 'common' && !pass.format.isObject) {
    throw new LineError('binary output format does not support common variables', column);
  }
  const number = (expression: DeclaredSymbol['size'], message: string): bigint =>
    expression ? pass.eventualNumber(expression, message, column) : 0n;
  const size = needsObject ? number(symbol.size, 'invalid size specified in declaration') : 0n;
  const alignment = number(symbol.alignment, 'alignment constraint is not a valid number');
  const sizeExpression = needsObject ? undefined : symbol.size;
  const declaration = { linkage, words: symbol.words, size, sizeExpression, alignment };
  checkAlignment(declaration, column);
  const conflict = pass.symbols.declare(name, declaration);
  if (needsObject && pass.isFinal) pass.program.debug?.label(undefined);
  if (conflict !== undefined) throw new LineError(conflict, column);
}

function checkAlignment({ alignment }: Declaration, column: number): void {
  if ((alignment & (alignment - 1n)) === 0n) return;
  throw new LineError(`alignment constraint \`${alignment}' is not a power of two`, column);
}
