/**
 * Sections and their placement in a flat binary (NASM manual 8.1 bin): progbits sections follow one
 * another in the file, nobits sections take addresses only; start=, vstart=, follows=, vfollows=,
 * align= and valign= move them.
 */

import { LineError } from './diagnostics.ts';

/** What a label's offset counts from: the address at which a section runs, or is loaded. */
export interface SectionBase {
  readonly section: Section;
  readonly address: 'run' | 'load';
}

export type SectionKind = 'progbits' | 'nobits';

/** Attributes that the source gave; undefined where it gave none. */
export interface SectionAttributes {
  align: bigint | undefined;
  valign: bigint | undefined;
  start: bigint | undefined;
  vstart: bigint | undefined;
  follows: string | undefined;
  vfollows: string | undefined;
}

const NO_ATTRIBUTES: SectionAttributes = {
  align: undefined,
  valign: undefined,
  start: undefined,
  vstart: undefined,
  follows: undefined,
  vfollows: undefined,
};

export class Section {
  readonly name: string;
  readonly runBase: SectionBase = { section: this, address: 'run' };
  readonly loadBase: SectionBase = { section: this, address: 'load' };
  kind: SectionKind | undefined;
  attributes: SectionAttributes = { ...NO_ATTRIBUTES };
  /** Offset of the next byte in this pass; at the end of the pass the size. */
  offset = 0;
  /** Section before this one in the order of first mention. */
  readonly previous: Section | undefined;
  /** Addresses, set by placeSections. */
  loadAddress = 0n;
  runAddress = 0n;

  constructor(name: string, previous: Section | undefined) {
    this.name = name;
    this.previous = previous;
  }

  /** Starts a pass: attributes are given anew by the source. */
  reset(): void {
    const { follows, vfollows } = this.attributes;
    this.attributes = { ...NO_ATTRIBUTES, follows, vfollows };
    this.offset = 0;
  }

  /** Raises the alignment, as `align` in the section does. */
  raiseAlignment(alignment: bigint): void {
    const { align, start } = this.attributes;
    if (start !== undefined) return;
    if (align === undefined || alignment > align) this.attributes.align = alignment;
  }
}

/** All sections of a source in the order of first mention; `.text` is always there. */
export class Sections {
  readonly list: Section[] = [];
  readonly #byName = new Map<string, Section>();
  origin: bigint | undefined;

  constructor() {
    this.open('.text').kind = 'progbits';
  }

  reset(): void {
    this.origin = undefined;
    for (const section of this.list) section.reset();
  }

  find(name: string): Section | undefined {
    return this.#byName.get(name);
  }

  open(name: string): Section {
    const known = this.#byName.get(name);
    if (known) return known;
    // .bss follows the last progbits section, wherever it is mentioned.
    const section = new Section(name, name === '.bss' ? undefined : this.list.at(-1));
    if (name === '.data') section.kind = 'progbits';
    if (name === '.bss') section.kind = 'nobits';
    this.list.push(section);
    this.#byName.set(name, section);
    return section;
  }
}

/** Applies one numeric attribute of a section directive. */
export function setAttribute(section: Section, name: string, value: bigint): void {
  const { attributes } = section;
  switch (name) {
    case 'align':
      checkPowerOfTwo(name, value);
      if (attributes.start !== undefined && attributes.start % value !== 0n) {
        throw new LineError("`align' value conflicts with section start address");
      }
      if (attributes.align === undefined || value > attributes.align) attributes.align = value;
      return;
    case 'valign':
      checkPowerOfTwo(name, value);
      if (attributes.vstart !== undefined && attributes.vstart % value !== 0n) {
        throw new LineError("`valign' value conflicts with `vstart' address");
      }
      if (attributes.valign === undefined || value > attributes.valign) attributes.valign = value;
      return;
    case 'start':
      setStart(attributes, value);
      return;
    default:
      setVirtualStart(attributes, value);
  }
}

function checkPowerOfTwo(name: string, value: bigint): void {
  if (value <= 0n || (value & (value - 1n)) !== 0n) {
    throw new LineError(`argument to \`${name}' is not a power of two`);
  }
}

function setStart(attributes: SectionAttributes, value: bigint): void {
  if (attributes.follows !== undefined) {
    throw new LineError("cannot combine `start' and `follows' section attributes");
  }
  if (attributes.start !== undefined && attributes.start !== value) {
    throw new LineError('section start address redefined');
  }
  if (attributes.align !== undefined && value % attributes.align !== 0n) {
    throw new LineError("`start' address conflicts with section alignment");
  }
  attributes.start = value;
  attributes.align = undefined;
}

function setVirtualStart(attributes: SectionAttributes, value: bigint): void {
  if (attributes.vfollows !== undefined) {
    throw new LineError("cannot combine `vstart' and `vfollows' section attributes");
  }
  if (attributes.vstart !== undefined && attributes.vstart !== value) {
    throw new LineError('section virtual start address (vstart) redefined');
  }
  if (attributes.valign !== undefined && value % attributes.valign !== 0n) {
    throw new LineError("`vstart' address conflicts with `valign' value");
  }
  attributes.vstart = value;
  attributes.valign = undefined;
}

/** Sections of the file in their order, with addresses set on them and on all others. */
export interface Placement {
  readonly origin: bigint;
  readonly progbits: readonly Section[];
}

const DEFAULT_ALIGNMENT = 4n;

function alignUp(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}

/** Gives every section its load and run address. Throws LineError where the attributes conflict. */
export function placeSections(sections: Sections): Placement {
  const nobits = sections.list.filter((section) => section.kind === 'nobits');
  const progbits = sortByStart(
    orderByFollows(sections.list.filter((section) => section.kind !== 'nobits')),
  );
  const origin = placeProgbits(progbits, sections.origin);
  placeVirtually(progbits, nobits);
  return { origin, progbits };
}

/** Moves each group that starts with a follows= section behind the section it names. */
function orderByFollows(sections: readonly Section[]): Section[] {
  const order = [...sections];
  for (const leader of sections) {
    const target = leader.attributes.follows;
    if (target === undefined) continue;
    const at = order.indexOf(leader);
    if (order[at - 1]?.name === target) continue;
    let end = at + 1;
    while (end < order.length && !startsGroup(order[end] as Section)) end++;
    const group = order.splice(at, end - at);
    const place = order.findIndex((section) => section.name === target);
    if (place < 0) {
      throw new LineError(
        `section ${leader.name} follows an invalid or unknown section (${target})`,
      );
    }
    order.splice(place + 1, 0, ...group);
  }
  return order;
}

function startsGroup({ attributes }: Section): boolean {
  return attributes.start !== undefined || attributes.follows !== undefined;
}

/** Sorts groups that begin with a start= section by that address. */
function sortByStart(sections: readonly Section[]): Section[] {
  const groups: Section[][] = [];
  for (const section of sections) {
    const group = groups.at(-1);
    if (!group || section.attributes.start !== undefined) groups.push([section]);
    else group.push(section);
  }
  const sorted: Section[][] = [];
  for (const group of groups) {
    const start = group[0]?.attributes.start;
    const before = (other: Section[]): boolean => {
      const theirs = other[0]?.attributes.start;
      return theirs !== undefined && (start ?? 0n) < theirs;
    };
    const at = sorted.findIndex(before);
    sorted.splice(at < 0 ? sorted.length : at, 0, group);
  }
  return sorted.flat();
}

function placeProgbits(sections: readonly Section[], wanted: bigint | undefined): bigint {
  const first = sections[0] as Section;
  const { start } = first.attributes;
  if (wanted !== undefined && start !== undefined && start < wanted) {
    throw new LineError(`section ${first.name} begins before program origin`);
  }
  const origin = wanted ?? start ?? 0n;
  let end = origin;
  let last: Section | undefined;
  for (const section of sections) {
    const { attributes } = section;
    const alignment = attributes.align ?? (section === first ? 1n : DEFAULT_ALIGNMENT);
    const aligned = section === first && wanted === undefined ? end : alignUp(end, alignment);
    section.loadAddress = attributes.start ?? aligned;
    section.runAddress = progbitsRunAddress(section, end);
    if (section.loadAddress < end) {
      if (section.offset === 0) continue;
      throw new LineError(`sections ${last?.name ?? first.name} and ${section.name} overlap!`);
    }
    end = section.loadAddress + BigInt(section.offset);
    last = section;
  }
  return origin;
}

function progbitsRunAddress(section: Section, end: bigint): bigint {
  const { vstart, valign, vfollows } = section.attributes;
  if (vstart !== undefined) return vstart;
  if (vfollows === undefined && valign !== undefined) return alignUp(end, valign);
  return section.loadAddress;
}

/** Run addresses of nobits sections and of those that virtually follow another. */
function placeVirtually(progbits: readonly Section[], nobits: readonly Section[]): void {
  const all = [...progbits, ...nobits];
  const waiting = new Set(
    all.filter((s) => s.kind === 'nobits' || s.attributes.vfollows !== undefined),
  );
  for (const section of nobits) {
    const { start, vstart } = section.attributes;
    const fixed = vstart ?? start;
    if (fixed === undefined) continue;
    section.runAddress = fixed;
    section.loadAddress = fixed;
    waiting.delete(section);
  }
  let progress = true;
  while (progress) {
    progress = false;
    for (const section of waiting) {
      const before = predecessor(section, progbits, all);
      if (waiting.has(before)) continue;
      placeBehind(section, before);
      waiting.delete(section);
      progress = true;
    }
  }
  const [stuck] = waiting;
  if (stuck)
    throw new LineError(`cannot compute vstart for section ${stuck.name}: circular vfollows`);
}

function placeBehind(section: Section, before: Section): void {
  const { valign, align } = section.attributes;
  const alignment = valign ?? (section.kind === 'nobits' ? align : undefined) ?? DEFAULT_ALIGNMENT;
  section.runAddress = alignUp(before.runAddress + BigInt(before.offset), alignment);
  if (section.kind === 'nobits') section.loadAddress = section.runAddress;
}

function predecessor(
  section: Section,
  progbits: readonly Section[],
  all: readonly Section[],
): Section {
  const { vfollows, follows } = section.attributes;
  const name = vfollows ?? (section.kind === 'nobits' ? follows : undefined);
  if (name !== undefined) {
    const named = all.find((other) => other.name === name);
    if (!named) throw new LineError(`section ${section.name} vfollows unknown section (${name})`);
    return named;
  }
  return section.previous ?? (progbits.at(-1) as Section);
}
