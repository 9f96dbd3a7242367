/** Sections of a flat binary with their attributes, and which of these exclude each other. */

import { LineError } from '../diagnostics.ts';
import { Section } from '../section.ts';

/** Attributes that the source gave; undefined where it gave none. */
interface FlatAttributes {
  align: bigint | undefined;
  valign: bigint | undefined;
  start: bigint | undefined;
  vstart: bigint | undefined;
  follows: string | undefined;
  vfollows: string | undefined;
}

const NO_ATTRIBUTES: FlatAttributes = {
  align: undefined,
  valign: undefined,
  start: undefined,
  vstart: undefined,
  follows: undefined,
  vfollows: undefined,
};

export class FlatSection extends Section {
  /** Section before this one in the order of first mention; .bss follows the last progbits section. */
  readonly previous: FlatSection | undefined;
  attributes: FlatAttributes = { ...NO_ATTRIBUTES };

  constructor(name: string, previous: FlatSection | undefined) {
    super(name);
    this.previous = name === '.bss' ? undefined : previous;
    if (name === '.text' || name === '.data') this.kind = 'progbits';
    if (name === '.bss') this.kind = 'nobits';
  }

  /** Starts a pass: attributes are given anew by the source. */
  resetAttributes(): void {
    const { follows, vfollows } = this.attributes;
    this.attributes = { ...NO_ATTRIBUTES, follows, vfollows };
  }
}

/** Applies one numeric attribute of a section directive. */
export function setAttribute(attributes: FlatAttributes, name: string, value: bigint): void {
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

function setStart(attributes: FlatAttributes, value: bigint): void {
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

function setVirtualStart(attributes: FlatAttributes, value: bigint): void {
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

/** Raises the alignment, as `align` in the section does. */
export function raiseAlignment(attributes: FlatAttributes, alignment: bigint): void {
  const { align, start } = attributes;
  if (start !== undefined) return;
  if (align === undefined || alignment > align) attributes.align = alignment;
}

export function setFollows(attributes: FlatAttributes, name: string): void {
  if (attributes.start !== undefined) {
    throw new LineError("cannot combine `start' and `follows' section attributes");
  }
  attributes.follows = name;
}
