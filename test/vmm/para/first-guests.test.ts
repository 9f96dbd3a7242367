/** Guests that print and shut down, on the page tables and with the pages that the domain builder made. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readGuest } from '../../../src/node/guest-file.ts';
import type { PvKernel } from '../../../src/xen/pv-kernel.ts';
import { SHUTDOWN } from '../../../src/xen/sched.ts';
import { BareDomain, type Outcome } from './bare-domain.ts';
import { DIRECT, pvKernel, Rig, SHARED_INFO_FRAME, TRANSLATED } from './rig.ts';

const PAGES = 2048;
const GUEST = new URL('../../../guests/para-hello/', import.meta.url);
const MODES = [
  ['direct paging', { features: DIRECT, sharedInfo: SHARED_INFO_FRAME }],
  ['translated frame numbers', { features: TRANSLATED }],
] as const;

function boot(kernel: PvKernel, mode: (typeof MODES)[number][1]): Outcome {
  const frames = mode.features === TRANSLATED ? [...Array(PAGES).keys()] : undefined;
  const rig = new Rig({ kernel, ...mode, commandLine: 'one two' }, PAGES, frames);
  return new BareDomain(rig, mode.features).run();
}

describe.each(MODES)('with %s', (_, mode) => {
  test('guests/para-hello prints what its start info says', () => {
    const { image } = readGuest(fileURLToPath(new URL('main.asm', GUEST)));
    expect(image.format).toBe('pv');
    const { output, end, calls } = boot(image.pv!, mode);
    expect(output).toBe(readFileSync(new URL('expected-para.txt', GUEST), 'latin1'));
    expect(end).toEqual({ kind: 'exit', status: SHUTDOWN.poweroff });
    expect(calls).toEqual(['xen_version', 'console_io', 'event_channel_op', 'sched_op']);
  });

  test('so does a kernel that ld has linked, in the upper half', () => {
    const { output, end } = boot(pvKernel(), mode);
    expect(output).toBe('hello from console_io\npages: 0000000000000800\ncommand line: one two\n');
    expect(end).toEqual({ kind: 'exit', status: SHUTDOWN.poweroff });
  });
});
