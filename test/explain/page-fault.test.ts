/** A triple fault that a page fault began is explained with the entry that was read, in every paging mode. */

import { describe, expect, it } from 'vitest';
import { explainFaults } from '../../src/explain/shutdown.ts';
import { readFaultChain } from '../../src/machine/fault-chain.ts';
import { Rig } from '../mmu/rig.ts';
import {
  CODE_FRAME,
  FOUR_LEVEL,
  NO_PSE,
  PAE,
  PSE,
  ROOT,
  type Setting,
  stateOf,
} from '../mmu/settings.ts';
import { mapCode, pdptesAt } from '../mmu/tables.ts';

/** Entries to write, HPA and value; then where the code reads, and the line that tells what it met. */
interface Case {
  readonly setting: Setting;
  readonly entries: readonly (readonly [hpa: bigint, value: bigint])[];
  readonly gva: bigint;
  readonly code: string;
  readonly line: string;
}

const CASES: readonly Case[] = [
  {
    setting: FOUR_LEVEL,
    entries: [[ROOT, 0n]],
    gva: 0x1234n,
    code: '#PF(0x0000): supervisor read of a page that is not present',
    line: 'PML4E at physical 0x1000 = 0000000000000000: P=0 RW=0 US=0 PWT=0 PCD=0 A=0 D=0 PS=0 G=0 XD=0 frame=0x0',
  },
  {
    setting: FOUR_LEVEL,
    entries: [
      [ROOT, 0x2007n],
      [0x2000n, 0x2800_0000_0000_2087n],
    ],
    gva: 0x1234n,
    code: '#PF(0x0009): supervisor read of a present page, reserved bit set',
    line: 'PDPTE at physical 0x2000 = 2800000000002087: P=1 RW=1 US=1 PWT=0 PCD=0 A=0 D=0 PS=1 G=0 XD=0 PK=5 frame=0x2000',
  },
  {
    setting: PAE,
    entries: [[ROOT, 0x2001n]],
    gva: 0xc012_3456n,
    code: '#PF(0x0000): supervisor read of a page that is not present',
    line: 'PDPTE3 register = 0000000000000000: P=0 PWT=0 PCD=0 frame=0x0',
  },
  {
    setting: PAE,
    entries: [
      [ROOT, 0x2001n],
      [0x2000n, 0x4000_0000_0000_3007n],
    ],
    gva: 0n,
    code: '#PF(0x0009): supervisor read of a present page, reserved bit set',
    line: 'PDE at physical 0x2000 = 4000000000003007: P=1 RW=1 US=1 PWT=0 PCD=0 A=0 D=0 PS=0 G=0 XD=0 frame=0x3000',
  },
  {
    setting: PSE,
    entries: [[ROOT, 0x0022_2087n]],
    gva: 0x5000n,
    code: '#PF(0x0009): supervisor read of a present page, reserved bit set',
    line: 'PDE at physical 0x1000 = 00222087: P=1 RW=1 US=1 PWT=0 PCD=0 A=0 D=0 PS=1 G=0 frame=0x1100000000 (4 MiB page)',
  },
  {
    setting: NO_PSE,
    entries: [
      [ROOT + 4n, 0x2087n],
      [0x2000n + 4n, 0xabcd_e080n],
    ],
    gva: 0x40_1fffn,
    code: '#PF(0x0000): supervisor read of a page that is not present',
    line: 'PTE at physical 0x2004 = abcde080: P=0 RW=0 US=0 PWT=0 PCD=0 A=0 D=0 PAT=1 G=0 frame=0xabcde000',
  },
];

describe.each(CASES)(
  'under $setting.name, a read at $gva',
  ({ setting, entries, gva, code, line }) => {
    it('is explained', () => {
      const rig = new Rig();
      const { processor } = rig;
      rig.clear(false);
      processor.view.setU32('HOSTED', 0);
      mapCode(rig, setting, 0);
      for (const [hpa, value] of entries) rig.poke({ hpa, size: setting.size, value });
      rig.pokeBytes(CODE_FRAME, [0x8b, 0x03]); // mov eax, [rbx]
      rig.load(stateOf(setting, { pdptes: pdptesAt(rig, ROOT) }), setting.isLong);
      processor.view.setU64('RIP', setting.code);
      processor.view.gpr[3] = gva;
      expect(processor.run(10)).toBe('shutdown');
      const lines = explainFaults(readFaultChain(processor.view));
      expect(lines[0]).toContain(code);
      expect(lines.map((text) => text.trim())).toContain(line);
    });
  },
);

it('a PDPTE that cannot be loaded is explained', () => {
  const rig = new Rig();
  const { processor } = rig;
  rig.clear(false);
  processor.view.setU32('HOSTED', 0);
  mapCode(rig, PAE, 0);
  rig.pokeBytes(CODE_FRAME, [0x0f, 0x22, 0xdb]); // mov cr3, ebx
  rig.poke({ hpa: 0x4008n, size: 8, value: 0x2021n });
  rig.load(stateOf(PAE, { pdptes: pdptesAt(rig, ROOT) }), PAE.isLong);
  processor.view.setU64('RIP', PAE.code);
  processor.view.gpr[3] = 0x4000n;
  expect(processor.run(10)).toBe('shutdown');
  const lines = explainFaults(readFaultChain(processor.view)).map((text) => text.trim());
  expect(lines).toContain('the PDPTE that would be loaded has a reserved bit set');
  expect(lines).toContain(
    'PDPTE at physical 0x4008 = 0000000000002021: P=1 PWT=0 PCD=0 frame=0x2000',
  );
});
