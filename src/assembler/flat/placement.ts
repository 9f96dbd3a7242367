/**
 * Placement of sections in a flat binary (NASM manual 8.1 bin): progbits sections follow one another in
 * the file, nobits sections take addresses only; start=, vstart=, follows=, vfollows=, align= and valign=
 * move them.
 */

import { LineError } from '../diagnostics.ts';
import type { FlatSection } from './flat-section.ts';

/** Sections of the file in their order, with addresses set on them and on all others. */
export interface Placement {
  readonly origin: bigint;
  readonly progbits: readonly FlatSection[];
}

const DEFAULT_ALIGNMENT = 4n;

function alignUp(value: bigint, alignment: bigint): bigint {
  return ((value + alignment - 1n) / alignment) * alignment;
}

/** Gives every section its load and run address. Throws LineError where the attributes conflict. */
export function placeSections(
  sections: readonly FlatSection[],
  wanted: bigint | undefined,
): Placement {
  const nobits = sections.filter(({ kind }) => kind === 'nobits');
  const progbits = sortByStart(orderByFollows(sections.filter(({ kind }) => kind !== 'nobits')));
  const origin = placeProgbits(progbits, wanted);
  placeVirtually(progbits, nobits);
  return { origin, progbits };
}

/** Moves each group that starts with a follows= section behind the section it names. */
function orderByFollows(sections: readonly FlatSection[]): FlatSection[] {
  const order = [...sections];
  for (const leader of sections) {
    const target = leader.attributes.follows;
    if (target === undefined) continue;
    const at = order.indexOf(leader);
    if (order[at - 1]?.name === target) continue;
    let end = at + 1;
    while (end < order.length && !startsGroup(order[end] as FlatSection)) end++;
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

function startsGroup({ attributes }: FlatSection): boolean {
  return attributes.start !== undefined || attributes.follows !== undefined;
}

/** Sorts groups that begin with a start= section by that address. */
function sortByStart(sections: readonly FlatSection[]): FlatSection[] {
  const groups: FlatSection[][] = [];
  for (const section of sections) {
    const group = groups.at(-1);
    if (!group || section.attributes.start !== undefined) groups.push([section]);
    else group.push(section);
  }
  const sorted: FlatSection[][] = [];
  for (const group of groups) {
    const start = group[0]?.attributes.start;
    const before = (other: FlatSection[]): boolean => {
      const theirs = other[0]?.attributes.start;
      return theirs !== undefined && (start ?? 0n) < theirs;
    };
    const at = sorted.findIndex(before);
    sorted.splice(at < 0 ? sorted.length : at, 0, group);
  }
  return sorted.flat();
}

function placeProgbits(sections: readonly FlatSection[], wanted: bigint | undefined): bigint {
  const first = sections[0] as FlatSection;
  const { start } = first.attributes;
  if (wanted !== undefined && start !== undefined && start < wanted) {
    throw new LineError(`section ${first.name} begins before program origin`);
  }
  const origin = wanted ?? start ?? 0n;
  let end = origin;
  let last: FlatSection | undefined;
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

function progbitsRunAddress(section: FlatSection, end: bigint): bigint {
  const { vstart, valign, vfollows } = section.attributes;
  if (vstart !== undefined) return vstart;
  if (vfollows === undefined && valign !== undefined) return alignUp(end, valign);
  return section.loadAddress;
}

/** Run addresses of nobits sections and of those that virtually follow another. */
function placeVirtually(progbits: readonly FlatSection[], nobits: readonly FlatSection[]): void {
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

function placeBehind(section: FlatSection, before: FlatSection): void {
  const { valign, align } = section.attributes;
  const alignment = valign ?? (section.kind === 'nobits' ? align : undefined) ?? DEFAULT_ALIGNMENT;
  section.runAddress = alignUp(before.runAddress + BigInt(before.offset), alignment);
  if (section.kind === 'nobits') section.loadAddress = section.runAddress;
}

function predecessor(
  section: FlatSection,
  progbits: readonly FlatSection[],
  all: readonly FlatSection[],
): FlatSection {
  const { vfollows, follows } = section.attributes;
  const name = vfollows ?? (section.kind === 'nobits' ? follows : undefined);
  if (name !== undefined) {
    const named = all.find((other) => other.name === name);
    if (!named) throw new LineError(`section ${section.name} vfollows unknown section (${name})`);
    return named;
  }
  return section.previous ?? (progbits.at(-1) as FlatSection);
}
