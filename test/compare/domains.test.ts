/** PV kernels under direct paging and with shadow page tables: in lockstep they compute the same. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compareDomains } from '../../src/compare/compare-domains.ts';
import type { DomainSetup } from '../../src/compare/domain-participant.ts';
import { module } from '../vmm/lockstep.ts';
import { type PvGuest, pvGuest, pvSource } from '../vmm/para/domain-run.ts';

const MINUTES = 60_000;

function setupOf({ kernel }: PvGuest, input?: Uint8Array): DomainSetup {
  return {
    module,
    boot: (board) => board.boot(kernel),
    options: {},
    ...(input && { input }),
    now: () => 0,
  };
}

describe('guests agree to their ends', () => {
  test.each(['para-hello', 'hello', 'exceptions', 'paging', 'interrupts', 'user', 'processes'])(
    '%s',
    (name) => {
      const file = new URL(`../../guests/${name}/input.txt`, import.meta.url);
      const input = existsSync(file) ? readFileSync(file) : undefined;
      const comparison = compareDomains(setupOf(pvGuest(`guests/${name}/main.asm`), input));
      const { direct, shadow, same, divergence } = comparison;
      expect(divergence).toBeUndefined();
      expect(same).toEqual({ output: true, end: true, memory: true });
      expect(shadow.instructions).toBe(direct.instructions);
      expect(direct.end.kind).toBe('off');
    },
    5 * MINUTES,
  );
});
