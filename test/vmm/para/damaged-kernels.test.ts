/** Kernels that were damaged at random: a domain is built that keeps the rules, or an error says what is wrong. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ElfError } from '../../../src/elf/elf-error.ts';
import { ImageError } from '../../../src/image/image.ts';
import { DomainError } from '../../../src/vmm/para/build/domain-error.ts';
import { damagedFile } from '../../image/damaged-file.ts';
import { checkDomain } from './invariants.ts';
import { DIRECT, pvKernel, Rig, readKernel, SHARED_INFO_FRAME, TRANSLATED } from './rig.ts';

const RUNS = 200;
const PAGES = 1100;
const MODES = [{ features: DIRECT, sharedInfo: SHARED_INFO_FRAME }, { features: TRANSLATED }];

test('damaged kernels are domains or errors', () => {
  const counts = { built: 0, refused: 0 };
  const mode = fc.constantFrom(...MODES);
  fc.assert(
    fc.property(damagedFile([readKernel()]), mode, (bytes, options) => {
      try {
        const kernel = pvKernel(bytes);
        checkDomain(new Rig({ kernel, ...options }, PAGES), kernel);
        counts.built++;
      } catch (error) {
        const isExpected = [ElfError, ImageError, DomainError].some(
          (kind) => error instanceof kind,
        );
        if (!isExpected) throw error;
        counts.refused++;
      }
    }),
    { numRuns: RUNS },
  );
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(RUNS / 10);
});
