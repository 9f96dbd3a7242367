/** Carries out directives: code size, addressing default, origin, sections. */

import type { CodeMode } from '../isa/row.ts';
import { LineError } from './diagnostics.ts';
import type { Pass } from './pass.ts';
import { type Section, setAttribute } from './sections.ts';
import type { Directive, SectionAttribute } from './statement.ts';

export function executeDirective(pass: Pass, directive: Directive): void {
  switch (directive.kind) {
    case 'bits': {
      const bits = pass.number(directive.bits, 'bits must be a number', directive.column);
      setMode(pass, bits, directive.column);
      return;
    }
    case 'default':
      pass.defaultRel = directive.reference === 'rel';
      return;
    case 'org': {
      const message = 'org value must be a critical expression';
      setOrigin(pass, pass.number(directive.origin, message, directive.column), directive.column);
      return;
    }
    case 'absolute':
      pass.absolute = pass.evaluate(directive.address);
      return;
    case 'section':
      openSection(pass, directive);
      return;
    case 'ignored':
      return;
  }
}

const MODES: ReadonlyMap<bigint, CodeMode> = new Map([
  [16n, 16],
  [32n, 32],
  [64n, 64],
]);

function setMode(pass: Pass, bits: bigint, column: number): void {
  const mode = MODES.get(bits);
  if (mode !== undefined) {
    pass.mode = mode;
    return;
  }
  throw new LineError(`\`${bits}' is not a valid segment size; must be 16, 32 or 64`, column);
}

function setOrigin(pass: Pass, origin: bigint, column: number): void {
  const { sections } = pass;
  const value = BigInt.asUintN(64, origin);
  if (sections.origin !== undefined && sections.origin !== value) {
    throw new LineError('program origin redefined', column);
  }
  sections.origin = value;
}

function openSection(pass: Pass, { name, attributes }: Directive & { kind: 'section' }): void {
  const section = pass.sections.open(name);
  for (const attribute of attributes) applyAttribute(pass, section, attribute);
  section.kind ??= 'progbits';
  pass.section = section;
}

function applyAttribute(pass: Pass, section: Section, attribute: SectionAttribute): void {
  const { name, value, column } = attribute;
  if (name === 'nobits' || name === 'progbits') {
    setKind(section, name, column);
    return;
  }
  if (name.startsWith('?')) {
    pass.warn(`ignoring unknown section attribute: "${name.slice(1)}" [-w+other]`, column);
  } else if (typeof value === 'string') {
    if (name === 'follows') setFollows(section, value, column);
    else section.attributes.vfollows = value;
  } else if (value) {
    const number = pass.number(
      value,
      'section attribute value must be a critical expression',
      column,
    );
    setAttribute(section, name, BigInt.asUintN(64, number));
  }
}

function setKind(section: Section, kind: 'nobits' | 'progbits', column: number): void {
  if (section.kind !== undefined && section.kind !== kind) {
    throw new LineError(`attempt to change section type from ${section.kind} to ${kind}`, column);
  }
  section.kind = kind;
}

function setFollows(section: Section, name: string, column: number): void {
  if (section.attributes.start !== undefined) {
    throw new LineError("cannot combine `start' and `follows' section attributes", column);
  }
  section.attributes.follows = name;
}
