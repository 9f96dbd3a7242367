/** The flat binary (NASM's bin): sections at addresses that the assembler gives them itself. */

import type { CodeMode } from '../../isa/row.ts';
import { LineError } from '../diagnostics.ts';
import type { OutputFile, OutputFormat, Program, Relocation } from '../format.ts';
import type { FlatDefaults } from '../options.ts';
import { addressOf, MAX_OUTPUT_BYTES } from '../output.ts';
import type { Pass } from '../pass.ts';
import type { Section, SectionKind } from '../section.ts';
import type { SectionAttribute, SectionDirective } from '../statement.ts';
import { FlatSection, raiseAlignment, setAttribute, setFollows } from './flat-section.ts';
import { type Placement, placeSections } from './placement.ts';

export class FlatFormat implements OutputFormat {
  readonly name = 'bin';
  readonly mode: CodeMode;
  readonly isObject = false;
  readonly specials: ReadonlySet<string> = new Set();
  /** In the order of first mention. */
  readonly #sections: FlatSection[] = [];
  #relocations: Relocation[] = [];
  readonly #defaultOrigin: bigint | undefined;
  #origin: bigint | undefined;

  constructor({ origin, mode = 16 }: FlatDefaults = {}) {
    this.mode = mode;
    this.#defaultOrigin = origin;
  }

  record(): undefined {
    return undefined;
  }

  makeSection(name: string): FlatSection {
    const section = new FlatSection(name, this.#sections.at(-1));
    this.#sections.push(section);
    return section;
  }

  startPass(): void {
    this.#origin = undefined;
    this.#relocations = [];
    for (const section of this.#sections) section.resetAttributes();
  }

  openSection(pass: Pass, section: FlatSection, { attributes }: SectionDirective): void {
    for (const attribute of attributes) applyAttribute(pass, section, attribute);
    section.kind ??= 'progbits';
  }

  raiseAlignment(_: Pass, section: FlatSection, alignment: bigint): void {
    raiseAlignment(section.attributes, alignment);
  }

  setOrigin(origin: bigint): void {
    const value = BigInt.asUintN(64, origin);
    if (this.#origin !== undefined && this.#origin !== value) {
      throw new LineError('program origin redefined');
    }
    this.#origin = value;
  }

  setAbi(): void {
    throw new LineError("`osabi' is for ELF objects");
  }

  /** There are no symbols in the file. */
  affix(): void {}

  /** Symbols of other objects may be declared, but not used. */
  relocate(relocation: Relocation): bigint {
    if (relocation.bases.some(({ of }) => of.kind === 'external')) {
      throw new LineError('binary output format does not support external references');
    }
    this.#relocations.push(relocation);
    return relocation.value;
  }

  warnInitialized(): string {
    return 'attempt to initialize memory in a nobits section: ignored [-w+other]';
  }

  warnReserved({ name }: Section): string {
    return `uninitialized space declared in ${name} section: zeroing [-w+zeroing]`;
  }

  finish(program: Program): OutputFile {
    const placement = placeSections(this.#sections, this.#origin ?? this.#defaultOrigin);
    for (const relocation of this.#relocations) apply(relocation, program);
    const { origin } = placement;
    return { bytes: imageOf(placement, program), origin, end: endOf(this.#sections, origin) };
  }
}

function applyAttribute(pass: Pass, section: FlatSection, attribute: SectionAttribute): void {
  const { name, value, column } = attribute;
  if (name === 'nobits' || name === 'progbits') setKind(section, name, column);
  else if (name === 'follows') setFollows(section.attributes, String(value));
  else if (name === 'vfollows') section.attributes.vfollows = String(value);
  else if (NUMERIC.has(name) && typeof value === 'object') {
    const message = 'section attribute value must be a critical expression';
    const number = pass.number(value, message, column);
    setAttribute(section.attributes, name, BigInt.asUintN(64, number));
  } else if (NUMERIC.has(name)) {
    throw new LineError(`no value given to attribute in \`section' directive`, column);
  } else pass.warn(`ignoring unknown section attribute: "${attribute.text}" [-w+other]`, column);
}

const NUMERIC = new Set(['align', 'valign', 'start', 'vstart']);

function setKind(section: FlatSection, kind: SectionKind, column: number): void {
  if (section.kind !== undefined && section.kind !== kind) {
    throw new LineError(`attempt to change section type from ${section.kind} to ${kind}`, column);
  }
  section.kind = kind;
}

function endOf(sections: readonly FlatSection[], origin: bigint): bigint {
  const ends = sections.map(({ loadAddress, offset }) => loadAddress + BigInt(offset));
  return ends.reduce((last, end) => (end > last ? end : last), origin);
}

/** Adds the addresses that the number waits for. */
function apply({ section, offset, size, value, bases }: Relocation, { output }: Program): void {
  const bytes = output.contents(section, offset + size);
  let sum = value;
  for (const { of, count } of bases) {
    if (of.kind === 'section') sum += count * addressOf(of);
  }
  for (let i = 0; i < size; i++, sum >>= 8n) bytes[offset + i] = Number(sum & 0xffn);
}

/** The progbits sections at their load addresses, zeros between them. */
function imageOf({ origin, progbits }: Placement, { output }: Program): Uint8Array {
  const used = progbits.filter(({ offset }) => offset > 0);
  let end = origin;
  for (const { loadAddress, offset } of used) {
    const last = loadAddress + BigInt(offset);
    if (last > end) end = last;
  }
  if (end - origin > BigInt(MAX_OUTPUT_BYTES)) {
    throw new LineError(`output is larger than ${MAX_OUTPUT_BYTES} bytes`, 0, 'limit');
  }
  const image = new Uint8Array(Number(end - origin));
  for (const section of used) {
    image.set(output.contents(section, section.offset), Number(section.loadAddress - origin));
  }
  return image;
}
