/** Claims of the instruction table against what is observed: none differs but for what cannot be seen here. */

import { describe, expect, it } from 'vitest';
import { ROWS } from '../../src/isa/table.ts';
import { summarize } from '../../src/virtualizability/classify.ts';
import { compareWithClaims } from '../../src/virtualizability/x86/claims.ts';
import { X86_MODES } from '../../src/virtualizability/x86/modes.ts';
import { machineOf, reportsOn } from './x86.ts';

/** There are no caches; only hidden parts of segment registers tell of SYSENTER_CS. */
const UNSEEN = new Set(['invd', 'wbinvd', 'sysexit', 'sysret']);
/** The table does not count the generator of random numbers as a resource of the system. */
const UNCLAIMED = /^rd(rand|seed) /;

describe.each(X86_MODES.map((mode) => [mode.name, mode] as const))('%s', (_, mode) => {
  it('is as the table claims', () => {
    const machine = machineOf(mode);
    const isTold = (row: (typeof ROWS)[number]): boolean =>
      row.touches !== undefined || row.priv !== undefined;
    const found = summarize(mode.name, reportsOn(machine, isTold, { states: 250 }));
    const differing = compareWithClaims(found, ROWS).filter(
      ({ form }) => !UNSEEN.has(form) && !UNCLAIMED.test(form),
    );
    expect(differing).toEqual([]);
  });
});
