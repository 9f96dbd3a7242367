/**
 * Build step: `embed-tables.js IN OUT` copies the compiled processor and adds the tables of the
 * instruction set to it as a custom section (WebAssembly 1.0, 5.5.3 Custom Section).
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { buildProcessorTables, packTables, TABLES_SECTION } from '../isa/processor-tables.ts';

const CUSTOM_SECTION = 0;

/** Unsigned LEB128. */
function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}

function customSection(name: string, content: Uint8Array): Uint8Array {
  const nameBytes = Buffer.from(name);
  const body = Buffer.concat([Buffer.from(leb128(nameBytes.length)), nameBytes, content]);
  return Buffer.concat([Buffer.from([CUSTOM_SECTION, ...leb128(body.length)]), body]);
}

const [input = '', output = ''] = process.argv.slice(2);
const section = customSection(TABLES_SECTION, packTables(buildProcessorTables()));
writeFileSync(output, Buffer.concat([readFileSync(input), section]));
