/** Every instruction vector against the emulator: results, flags, memory and faults as on silicon. */

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createEmulator } from '../vectors/emulator.ts';
import { loadVectors, report, runVectors, vectorFiles } from '../vectors/run.ts';

const directory = fileURLToPath(new URL('../vectors', import.meta.url));

describe('instruction vectors', () => {
  const emulator = createEmulator();

  test.each(vectorFiles(directory))('%s', (name) => {
    const cases = loadVectors(directory, name);
    expect(cases.length).toBeGreaterThan(0);
    expect(report(runVectors(cases, emulator), cases.length)).toBe('');
  });
});
