/**
 * Files that were damaged at random: a loader takes one or refuses it with an error of its own, and then
 * nothing is loaded; what it takes may do what it likes.
 */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ElfError } from '../../src/elf/elf-error.ts';
import { readElf } from '../../src/elf/elf-file.ts';
import { explainEnd } from '../../src/explain/run-end.ts';
import { IMAGE_FORMATS, type Image, ImageError } from '../../src/image/image.ts';
import { loadImage } from '../../src/image/load.ts';
import { parseImage } from '../../src/image/parse.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';
import { Pc } from '../../src/pc/pc.ts';
import { elfCode } from '../../src/symbols/elf-code.ts';
import { elfSymbols } from '../../src/symbols/elf-symbols.ts';
import { readSymbolFile, SymbolFileError } from '../../src/symbols/symbol-file.ts';
import { SymbolTable } from '../../src/symbols/symbol-table.ts';
import { damagedFile } from './damaged-file.ts';

const PARSE_RUNS = 3000;
const LOAD_RUNS = 150;
const RAM_BYTES = 4 * 2 ** 20;
const ARGS = {
  program: 'kernel',
  commandLine: 'text',
  modules: [{ name: 'module', text: '', bytes: Uint8Array.of(1, 2, 3) }],
};

const module = loadProcessorModule();
const names = [
  'multiboot',
  'multiboot-high',
  'multiboot64',
  'pvh',
  'pvh64',
  'both',
  'long64',
  'pv',
];
const files = names.map((name) => readFileSync(new URL(`kernels/${name}.elf`, import.meta.url)));

const damaged = damagedFile(files);

/** The result, or undefined for one of these errors. */
function attempt<T>(
  action: () => T,
  ...errors: (new (
    ...args: never[]
  ) => Error)[]
): T | undefined {
  try {
    return action();
  } catch (error) {
    if (errors.some((kind) => error instanceof kind)) return undefined;
    throw error;
  }
}

function symbolsOf(bytes: Uint8Array): SymbolTable {
  return attempt(() => elfSymbols(readElf(bytes)), ElfError) ?? new SymbolTable([]);
}

const format = fc.constantFrom(undefined, ...IMAGE_FORMATS);

function parse(bytes: Uint8Array, forced: string | undefined): Image | undefined {
  const options = forced === undefined ? {} : { format: forced };
  return attempt(() => parseImage(bytes, options), ImageError, ElfError);
}

describe('damaged files', () => {
  test('are images or errors', () => {
    const counts = { images: 0, errors: 0 };
    fc.assert(
      fc.property(damaged, format, (bytes, forced) => {
        counts[parse(bytes, forced) ? 'images' : 'errors']++;
      }),
      { numRuns: PARSE_RUNS },
    );
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(PARSE_RUNS / 10);
  });

  test('are loaded whole or not at all', () => {
    const counts = { refused: 0, run: 0 };
    const blank = new Pc(module, { ramBytes: RAM_BYTES }).machine.processor.memory.bytes.slice();
    fc.assert(
      fc.property(damaged, format, (bytes, forced) => {
        const image = parse(bytes, forced);
        if (image === undefined) return;
        const pc = new Pc(module, { ramBytes: RAM_BYTES, maxInstructions: 2000 });
        const args = image.format === 'multiboot' || image.format === 'pvh' ? ARGS : {};
        const load = () => loadImage(pc.machine, image, args) ?? true;
        if (attempt(load, ImageError)) {
          counts.run++;
          explainEnd(pc.machine, pc.machine.run(), symbolsOf(bytes));
        } else {
          counts.refused++;
          expect(Buffer.compare(pc.machine.processor.memory.bytes, blank)).toBe(0);
        }
      }),
      { numRuns: LOAD_RUNS },
    );
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(0);
  });

  test('give symbols and code, or an error', () => {
    fc.assert(
      fc.property(damaged, (bytes) => {
        const elf = attempt(() => readElf(bytes), ElfError);
        if (elf !== undefined) attempt(() => elfCode(elf), ElfError);
        attempt(() => readSymbolFile(bytes), ElfError, SymbolFileError);
      }),
      { numRuns: PARSE_RUNS },
    );
  });
});

test('text is a list of symbols or an error', () => {
  const line = fc.stringMatching(/^[0-9a-fA-Tx ]{0,24}[\w .[\]]{0,12}$/);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 5 }), (lines) => {
      const bytes = new TextEncoder().encode(lines.join('\n'));
      attempt(() => readSymbolFile(bytes), SymbolFileError);
    }),
  );
});
