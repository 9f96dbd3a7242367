/** HYPERVISOR_xen_version, as a domain without privileges sees it. */

import { expect, test } from 'vitest';
import { versionCalls } from '../../../src/vmm/para/hypercalls/xen-version.ts';
import { HYPERVISOR_VIRT_START } from '../../../src/xen/address-space.ts';
import { ERRNO } from '../../../src/xen/errno.ts';
import {
  XEN_COMPILE_INFO,
  XEN_FEATURE_INFO,
  XEN_PLATFORM_PARAMETERS,
  XENVER,
} from '../../../src/xen/version.ts';
import { BASE, FlatSpace, finish, NOWHERE, READ_ONLY, XEN } from './flat-space.ts';

const ARG = BASE + 0x800n;
const HANDLE = Uint8Array.from({ length: 16 }, (_, n) => n + 1);

const space = new FlatSpace();
const calls = versionCalls({ space, features: 0x30, handle: HANDLE });
const call = (command: number, arg: bigint = ARG): number =>
  finish(calls.xen_version, command, arg).result;
const bytes = new Uint8Array(space.view.buffer).subarray(0x800, 0x1000);

test('version and page size are results', () => {
  expect(call(XENVER.version, 0n)).toBe(0x0004_0011);
  expect(call(XENVER.pagesize, 0n)).toBe(4096);
  expect(call(XENVER.pagesize)).toBe(-ERRNO.EINVAL);
});

test.each([
  ['extraversion', '.0-trapline', 16],
  ['capabilities', 'xen-3.0-x86_64', 1024],
  ['changeset', 'unavailable', 64],
  ['commandline', '<denied>', 9],
] as const)('%s is text', (name, text, size) => {
  bytes.fill(0xff);
  expect(call(XENVER[name])).toBe(0);
  expect(space.text(ARG)).toBe(text);
  expect(bytes.subarray(text.length, size).every((byte) => byte === 0)).toBe(true);
  expect(bytes[size]).toBe(0xff);
});

test('structures are filled', () => {
  expect(call(XENVER.compile_info)).toBe(0);
  expect(Buffer.from(space.get(XEN_COMPILE_INFO, ARG).compiler).toString()).toMatch(/^trapline\0/);
  expect(call(XENVER.platform_parameters)).toBe(0);
  expect(space.get(XEN_PLATFORM_PARAMETERS, ARG).virt_start).toBe(HYPERVISOR_VIRT_START);
  expect(call(XENVER.guest_handle)).toBe(0);
  expect(bytes.slice(0, 16)).toEqual(HANDLE);
});

test('features are those that are offered, in one submap', () => {
  space.set(XEN_FEATURE_INFO, ARG, { submap_idx: 0, submap: 7 });
  expect(call(XENVER.get_features)).toBe(0);
  expect(space.get(XEN_FEATURE_INFO, ARG)).toEqual({ submap_idx: 0, submap: 0x30 });
  for (const submap_idx of [1, 2 ** 32 - 1]) {
    space.set(XEN_FEATURE_INFO, ARG, { submap_idx });
    expect(call(XENVER.get_features)).toBe(-ERRNO.EINVAL);
  }
});

test('what cannot be written or read is EFAULT', () => {
  const written = ['extraversion', 'compile_info', 'capabilities', 'changeset'] as const;
  const others = ['platform_parameters', 'get_features', 'guest_handle', 'commandline'] as const;
  for (const name of [...written, ...others]) {
    for (const arg of [0n, NOWHERE, READ_ONLY, XEN]) {
      expect(call(XENVER[name], arg)).toBe(-ERRNO.EFAULT);
    }
  }
});

test('the number of the build is not for this domain, and others there are none', () => {
  for (const arg of [0n, ARG]) expect(call(XENVER.build_id, arg)).toBe(-ERRNO.EPERM);
  for (const command of [11, 2 ** 32 - 1]) expect(call(command)).toBe(-ERRNO.ENOSYS);
});
