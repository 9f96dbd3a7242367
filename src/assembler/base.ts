/** What a number counts from, until the output gives addresses to sections and symbols. */

import type { Section } from './section.ts';

/** The address at which a section runs, or is loaded. */
export interface SectionBase {
  readonly kind: 'section';
  readonly section: Section;
  readonly address: 'run' | 'load';
}

/** The address of a symbol that another object defines, or that the linker allocates (common). */
export interface ExternalBase {
  readonly kind: 'external';
  readonly name: string;
}

export type Base = SectionBase | ExternalBase;
