/** PV kernels under direct paging and with shadow page tables: in lockstep they compute the same. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { compareDomains } from '../../src/compare/compare-domains.ts';
import { DomainPair } from '../../src/compare/domain-lockstep.ts';
import type { DomainSetup } from '../../src/compare/domain-participant.ts';
import { TranslatedValues } from '../../src/compare/translated-values.ts';
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

describe('where a kernel sees the technique', () => {
  const WAIT = 'mov ecx, 20000\n.wait: loop .wait\nret';
  const ASK = 'bt dword [xen_features + 4], XENFEAT_auto_translated_physmap';

  test('a branch on the feature is where they part', () => {
    const guest = pvSource(`main: ${ASK}\nhere: jc .on\nnop\n.on: ${WAIT}`);
    const { divergence, same } = compareDomains(setupOf(guest));
    expect(guest.symbols.name(divergence?.instruction.rip ?? 0n)).toBe('main');
    expect(divergence?.instruction).toMatchObject({ cpl: 0, text: expect.stringMatching(/^bt /) });
    expect(divergence?.differences).toEqual([{ kind: 'flag', name: 'CF', direct: 0n, shadow: 1n }]);
    expect(same).toEqual({ output: true, end: true, memory: true });
  });

  test('flags that are overwritten soon are no difference, unless all is compared', () => {
    const guest = pvSource(`main: ${ASK}\nclc\n${WAIT}`);
    expect(compareDomains(setupOf(guest)).divergence).toBeUndefined();
    const { divergence } = compareDomains(setupOf(guest), { every: 1 });
    expect(divergence?.differences.map(({ name }) => name)).toEqual(['CF']);
  });

  test('one ends, the other goes on', () => {
    const guest = pvSource(`main: ${ASK}\njc .on\nmov al, 0\njmp finish\n.on: jmp .on`);
    const { divergence, same, shadow } = compareDomains(setupOf(guest));
    expect(divergence).toBeDefined();
    expect(same.end).toBe(false);
    expect(shadow.end).toEqual({ kind: 'limit' });
  });

  test('machine addresses that it prints', () => {
    const guest = pvSource(
      `main: mov rax, [frame_list]\nprint_hex [rax + 8]\nprint \`\\n\`\n${WAIT}`,
    );
    const { divergence, same } = compareDomains(setupOf(guest));
    expect(same).toMatchObject({ output: false, end: true });
    expect(divergence?.differences.length).toBeGreaterThan(0);
  });
});

test('values agree by the M2P', () => {
  const { direct, shadow } = new DomainPair(setupOf(pvGuest('guests/hello/main.asm')));
  const values = new TranslatedValues(direct.domain, shadow.domain);
  const [frame = 0, other = 0] = direct.domain.paging.frames.slice(5, 7);
  const entry = (number: number, flags: bigint): bigint => (BigInt(number) << 12n) | flags;
  expect(values.agree(BigInt(frame), 5n)).toBe(true);
  expect(values.agree(BigInt(other), 5n)).toBe(false);
  expect(values.agree(entry(frame, 0x67n), entry(5, 0x3n))).toBe(true);
  expect(values.agree(entry(frame, 0x61n), entry(5, 0x3n))).toBe(false);
  expect(values.agree(entry(other, 0x3n), entry(5, 0x3n))).toBe(false);
  expect(
    values.agree(0xffff_8000_0000_0000n + BigInt(frame) * 8n, shadow.domain.frameList + 40n),
  ).toBe(true);
  expect(values.agree(0xffff_8000_0000_0000n, shadow.domain.frameList)).toBe(true);
  expect(values.agree(BigInt(direct.domain.sharedInfo), BigInt(shadow.domain.sharedInfo))).toBe(
    true,
  );
  expect(values.agree(2n ** 64n - 1n, 2n ** 63n)).toBe(false);
});
