/** Disassembled lines as an assembly source file, with address and bytes in comments. */

import type { CodeMode } from '../isa/row.ts';
import type { DisassembleOptions, Line } from './disassemble.ts';

const TEXT_COLUMN = 8;
const COMMENT_COLUMN = 48;

/** The whole source text, newline-terminated. */
export function formatListing(lines: readonly Line[], options: DisassembleOptions): string {
  const head = [`bits ${options.mode}`, `org 0x${options.origin.toString(16)}`, ''];
  return [...head, ...lines.flatMap((line) => formatLine(line))].join('\n').concat('\n');
}

/** Lines of one section. */
export interface SectionLines {
  readonly name: string;
  readonly origin: bigint;
  readonly lines: readonly Line[];
}

/** As `formatListing`, of several sections: assembled, they stand one behind another. */
export function formatSections(sections: readonly SectionLines[], mode: CodeMode): string {
  const bodies = sections.map(({ name, origin, lines }) => [
    '',
    `section ${name} vstart=0x${origin.toString(16)} align=1`,
    '',
    ...lines.flatMap(formatLine),
  ]);
  return [`bits ${mode}`, ...bodies.flat()].join('\n').concat('\n');
}

function formatLine({ address, bytes, label, text, comment }: Line): string[] {
  const code = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  const source = `${' '.repeat(TEXT_COLUMN)}${text}`.padEnd(COMMENT_COLUMN);
  const meaning = comment === undefined ? '' : `  ${comment}`;
  const line = `${source} ; ${address.toString(16).padStart(8, '0')} ${code}${meaning}`;
  return label === undefined ? [line] : [`${label}:`, line];
}
