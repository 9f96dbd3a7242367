/** Names for numbers. */

import { expect, test } from 'vitest';
import { featureMask, featureNames } from '../../src/xen/features.ts';
import { HYPERVISOR, hypercallName } from '../../src/xen/hypercalls.ts';
import { nameOf } from '../../src/xen/names.ts';
import { SCHEDOP } from '../../src/xen/sched.ts';

test('a hypercall has one name', () => {
  expect(hypercallName(HYPERVISOR.mmu_update)).toBe('mmu_update');
  expect(hypercallName(11)).toBeUndefined();
  expect(hypercallName(2 ** 40)).toBeUndefined();
  const numbers = Object.values(HYPERVISOR);
  expect(new Set(numbers).size).toBe(numbers.length);
});

test('so has a sub-operation', () => {
  expect(nameOf(SCHEDOP, 2)).toBe('shutdown');
  expect(nameOf(SCHEDOP, 99)).toBeUndefined();
});

test('features are bits', () => {
  expect(featureMask(['writable_page_tables', 'direct_mapped'])).toBe(0x20001);
  expect(featureNames(0x80020004)).toEqual([
    'auto_translated_physmap',
    'direct_mapped',
    'feature 31',
  ]);
});
