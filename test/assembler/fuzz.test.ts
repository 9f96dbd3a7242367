import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';
import { AssemblyError } from '../../src/assembler/diagnostics.ts';

const sources = join(dirname(fileURLToPath(import.meta.url)), 'sources');
const lines = readdirSync(sources)
  .filter((name) => name.endsWith('.asm'))
  .flatMap((name) => readFileSync(join(sources, name), 'utf8').split('\n'));
const words = [...new Set(lines.flatMap((line) => line.match(/%?[\w.$@]+|\S/g) ?? []))];

/** Lines of real sources, out of order and with words put in at random. */
const line = fc.oneof(
  fc.constantFrom(...lines),
  fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((some) => some.join(' ')),
  fc.string({ maxLength: 20 }),
);

it('any text assembles or is refused with a position', () => {
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (some) => {
      try {
        assemble(`bits 64\n${some.join('\n')}\n`, { file: 'x.asm' }).listing();
      } catch (error) {
        if (!(error instanceof AssemblyError)) throw error;
        expect(error.diagnostics.some(({ severity }) => severity === 'error')).toBe(true);
        for (const { file, line: at } of error.diagnostics) {
          expect(file).toBe('x.asm');
          expect(at).toBeGreaterThan(0);
        }
      }
    }),
    { numRuns: 500 },
  );
});
