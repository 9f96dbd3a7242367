/** The tables that the build embeds in the module are those of the rows. */

import { expect, it } from 'vitest';
import {
  buildProcessorTables,
  packTables,
  TABLES_SECTION,
} from '../../src/isa/processor-tables.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

it('the module holds the tables of ROWS', () => {
  const sections = WebAssembly.Module.customSections(loadProcessorModule(), TABLES_SECTION);
  expect(sections).toHaveLength(1);
  const expected = packTables(buildProcessorTables());
  expect(Buffer.compare(new Uint8Array(sections[0] as ArrayBuffer), expected)).toBe(0);
});
