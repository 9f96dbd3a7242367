/** Sections as the passes see them: a name, a size that grows, and what labels in them count from. */

import type { SectionBase } from './base.ts';

export type SectionKind = 'progbits' | 'nobits';

export class Section {
  readonly name: string;
  readonly runBase: SectionBase = { kind: 'section', section: this, address: 'run' };
  readonly loadBase: SectionBase = { kind: 'section', section: this, address: 'load' };
  kind: SectionKind | undefined;
  /** A directive has named it. */
  isOpened = false;
  /** Something stands in it, or a label. */
  isUsed = false;
  /** Offset of the next byte in this pass; at the end of the pass the size. */
  offset = 0;
  /** Addresses, once the output has given them. */
  loadAddress = 0n;
  runAddress = 0n;

  constructor(name: string) {
    this.name = name;
  }
}

/** All sections of a source. */
export class Sections {
  /** Those that directives have named, in the order of first mention. */
  readonly #opened: Section[] = [];
  readonly #byName = new Map<string, Section>();
  readonly #make: (name: string) => Section;

  constructor(make: (name: string) => Section) {
    this.#make = make;
  }

  /** Starts a pass. */
  reset(): void {
    for (const section of this.#byName.values()) section.offset = 0;
  }

  find(name: string): Section | undefined {
    return this.#byName.get(name);
  }

  /** The section of a name. */
  named(name: string): Section {
    const known = this.#byName.get(name);
    if (known) return known;
    const section = this.#make(name);
    this.#byName.set(name, section);
    return section;
  }

  open(section: Section): void {
    if (section.isOpened) return;
    section.isOpened = true;
    this.#opened.push(section);
  }

  /** The sections of an object: those that directives name, then the one that sources begin in. */
  get list(): readonly Section[] {
    const others = [...this.#byName.values()].filter(({ isOpened, isUsed }) => !isOpened && isUsed);
    return [...this.#opened, ...others];
  }
}
