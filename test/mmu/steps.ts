/** What may happen to an address space that is in use, in random order. */

import fc from 'fast-check';
import { CR4_PGE, CR4_PKE, CR4_PSE, CR4_SMAP, CR4_SMEP } from '../../src/machine/ref/paging.ts';
import { type Edit, editOf, pagesOf } from './address-space.ts';
import type { Setting } from './settings.ts';

/** One thing that happens: to the tables, to the registers, or an access. */
export type Step =
  /** By the host, or by a store of the guest. */
  | { readonly do: 'edit'; readonly edit: Edit; readonly isStore: boolean }
  | { readonly do: 'access'; readonly kind: Kind; readonly gva: bigint; readonly cpl: 0 | 3 }
  | { readonly do: 'invlpg'; readonly gva: bigint }
  | { readonly do: 'invpcid'; readonly type: number; readonly gva: bigint; readonly pcid: number }
  | { readonly do: 'cr3'; readonly root: number; readonly pcid: number; readonly keep: boolean }
  | { readonly do: 'cr4'; readonly bit: bigint }
  | { readonly do: 'wp' | 'ac' | 'nxe' }
  | { readonly do: 'keys'; readonly pkru: number };
export type Kind = 'read' | 'write' | 'update' | 'fetch';

const pcid = fc.constantFrom(0, 1, 0xfff);

/** With `hasKeys` the processor has protection keys. */
export function stepOf(setting: Setting, hasKeys: boolean): fc.Arbitrary<Step> {
  const gva = fc.constantFrom(...pagesOf(setting));
  const inPage = fc.tuple(gva, fc.nat(0x1fff)).map(([page, offset]) => page + BigInt(offset));
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('edit' as const),
        edit: editOf(setting),
        isStore: fc.boolean(),
      }),
    },
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constant('access' as const),
        kind: fc.constantFrom<Kind>('read', 'write', 'update', 'fetch'),
        gva,
        cpl: fc.constantFrom<0 | 3>(0, 0, 3),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('invlpg' as const), gva: inPage }) },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('invpcid' as const),
        type: fc.nat(3),
        gva: inPage,
        pcid,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('cr3' as const),
        root: fc.nat(1),
        pcid,
        keep: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('cr4' as const),
        bit: fc.constantFrom(CR4_PGE, CR4_PSE, CR4_SMEP, CR4_SMAP, ...(hasKeys ? [CR4_PKE] : [])),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constantFrom('wp' as const, 'ac' as const, 'nxe' as const) }),
    },
    {
      weight: hasKeys ? 1 : 0,
      arbitrary: fc.record({
        do: fc.constant('keys' as const),
        pkru: fc.constantFrom(0, 1 << 10, 2 << 10, 0xffffffff),
      }),
    },
  );
}
