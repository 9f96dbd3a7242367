/** VM entry and exit: what is loaded and saved, lists of MSRs, entries that fail (SDM 3C chapters 27 and 28). */

import { describe, expect, test } from 'vitest';
import { entryCheck } from '../../src/vmx/checks.ts';
import { GUEST, MSR_LIST, VmxRig } from './guest-rig.ts';

const LSTAR = 0xc0000082n;
const FS_BASE = 0xc0000100n;
const FAILURE = 0x8000_0000;

describe('VM entry', () => {
  test('takes the guest to its state, and VM exit back', () => {
    const rig = new VmxRig('mov rbx, rsp\nmov rcx, dr7\nvmcall', {
      fields: {
        GUEST_RSP: 0x28000n,
        GUEST_DR7: 0x700n,
        GUEST_FS_BASE: 0x1234n,
        HOST_GS_BASE: 0x5678n,
      },
    });
    expect(rig.exit()).toMatchObject({ reason: 18, length: 3, at: 6 });
    expect([rig.gpr[3], rig.gpr[1]]).toEqual([0x28000n, 0x700n]);
    expect(rig.get('GUEST_FS_BASE')).toBe(0x1234n);
    const { view } = rig.processor;
    expect([view.u64('DR7'), view.segment('gs').base, view.segment('fs').base]).toEqual([
      0x400n,
      0x5678n,
      0n,
    ]);
    expect(rig.gpr[4]).toBe(0x1f000n);
    expect(rig.processor.rflags).toBe(2n);
  });

  test('a single step of the hypervisor ends with the entry', () => {
    const rig = new VmxRig('nop\nnop\nvmcall');
    rig.processor.rflags = 0x102n;
    expect(rig.exit()).toMatchObject({ reason: 18, at: 2 });
  });

  test('a controls field that is not allowed is an error of the instruction', () => {
    const rig = new VmxRig('nop', { fields: { CR3_TARGET_COUNT: 5n } });
    expect(rig.run()).toBe('halt');
    expect(rig.get('VM_INSTRUCTION_ERROR')).toBe(7n);
    expect(rig.processor.rflags & 0x40n).toBe(0x40n);
  });

  test('host state that is not valid is another', () => {
    const rig = new VmxRig('nop', { fields: { HOST_RIP: 1n << 60n } });
    rig.run();
    expect(rig.get('VM_INSTRUCTION_ERROR')).toBe(8n);
  });

  test('guest state that is not valid goes to the host, and changes nothing of the guest', () => {
    const rig = new VmxRig('nop', {
      fields: { GUEST_RFLAGS: 0n, VM_ENTRY_INTERRUPTION_INFORMATION: 0x8000_0202n },
    });
    rig.run();
    expect(rig.told()).toMatchObject({ reason: FAILURE + 33, qualification: 0n, at: 0 });
    expect(rig.get('VM_ENTRY_INTERRUPTION_INFORMATION')).toBe(0x8000_0202n);
    expect(entryCheck(rig.processor.view.u32('FAILED_CHECK')).fields).toContain('GUEST_RFLAGS');
    rig.set('GUEST_RFLAGS', 2n);
    rig.set('VM_ENTRY_INTERRUPTION_INFORMATION', 0n);
    expect(rig.run(2)).toBe('fuel'); // VMLAUNCH again: it was not launched
    expect(rig.processor.view.u64('RIP')).toBe(BigInt(GUEST + 1));
  });

  test('loads MSRs, or fails with the number of the entry', () => {
    const rig = new VmxRig('mov ecx, 0xc0000082\nrdmsr\nvmcall', {
      controls: ['USE_MSR_BITMAPS'],
      fields: { VM_ENTRY_MSR_LOAD_ADDRESS: BigInt(MSR_LIST), VM_ENTRY_MSR_LOAD_COUNT: 2n },
    });
    rig.poke(MSR_LIST, LSTAR);
    rig.poke(MSR_LIST + 8, 0x4321n);
    rig.poke(MSR_LIST + 16, FS_BASE);
    rig.run();
    expect(rig.told()).toMatchObject({ reason: FAILURE + 34, qualification: 2n });
    rig.set('VM_ENTRY_MSR_LOAD_COUNT', 1n);
    expect(rig.exit().reason).toBe(18);
    expect(rig.gpr[0]).toBe(0x4321n);
  });
});

describe('VM exit', () => {
  test('stores and loads MSRs', () => {
    const rig = new VmxRig('mov ecx, 0xc0000082\nmov eax, 0x111\nxor edx, edx\nwrmsr\nvmcall', {
      controls: ['USE_MSR_BITMAPS'],
      fields: {
        VM_EXIT_MSR_STORE_ADDRESS: BigInt(MSR_LIST),
        VM_EXIT_MSR_STORE_COUNT: 1n,
        VM_EXIT_MSR_LOAD_ADDRESS: BigInt(MSR_LIST + 16),
        VM_EXIT_MSR_LOAD_COUNT: 1n,
      },
    });
    rig.poke(MSR_LIST, LSTAR);
    rig.poke(MSR_LIST + 16, LSTAR);
    rig.poke(MSR_LIST + 24, 0x222n);
    rig.exit();
    expect(rig.peek(MSR_LIST + 8)).toBe(0x111n);
    expect(rig.processor.view.u64('LSTAR')).toBe(0x222n);
  });

  test('that cannot load an MSR shuts the processor down', () => {
    const rig = new VmxRig('vmcall', {
      fields: { VM_EXIT_MSR_LOAD_ADDRESS: BigInt(MSR_LIST), VM_EXIT_MSR_LOAD_COUNT: 1n },
    });
    rig.poke(MSR_LIST, FS_BASE);
    rig.run();
    expect(rig.processor.run(1)).toBe('shutdown');
  });
});
