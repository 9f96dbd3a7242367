/** Control and debug registers, and what comes behind an instruction. */

import { describe, expect, test } from 'vitest';
import { guestCr4 } from '../../../../src/vmm/para/privileged/control-registers.ts';
import { CODE, CR0, CR4, REFUSED, RESUME, RF, StoppedGuest, stateOf, TF } from './rig.ts';

const TS = 8n;

describe('behind an instruction', () => {
  test('RIP moves on, and RF ends', () => {
    const guest = new StoppedGuest('clts');
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.rip).toBe(CODE + 2n);
    expect(guest.rflags & RF).toBe(0n);
  });

  test('TF traps', () => {
    const guest = new StoppedGuest('clts');
    guest.rflags |= TF;
    const event = { vector: 1, dr6: 0x4000n };
    expect(guest.gp()).toEqual({ kind: 'event', event, retired: 1 });
    expect(guest.rip).toBe(CODE + 2n);
    expect(guest.rflags & TF).toBe(TF);
  });

  test('prefixes count', () => {
    const guest = new StoppedGuest('db 0x2e, 0x66\nmov rax, cr2');
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.rip).toBe(CODE + 5n);
  });

  test('32-bit code wraps at 4 GiB', () => {
    const guest = new StoppedGuest('clts', 32);
    guest.segments.set('cs', { selector: 0xe023, base: CODE - 0xffff_fffen, limit: 0, access: 0 });
    guest.rip = 0xffff_fffen;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.rip).toBe(0n);
  });
});

describe('what is fetched', () => {
  test('code may cross pages', () => {
    const guest = new StoppedGuest('mov rax, cr2').atPageEnd(1);
    guest.map(CODE + 4096n).set([0x20, 0xd0]);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(guest.cr2);
  });

  test('what ends a page is read alone', () => {
    expect(new StoppedGuest('clts').atPageEnd(2).gp()).toEqual(RESUME);
  });

  test.each([
    [true, 0],
    [false, 4],
  ])('code that is not there any more, kernel: %s', (isKernel, error) => {
    const guest = new StoppedGuest('mov rax, cr2').atPageEnd(2);
    guest.isKernel = isKernel;
    const event = { vector: 14, error, address: CODE + 4096n };
    expect(guest.gp()).toEqual({ kind: 'event', event, retired: 0 });
    guest.unmap(CODE);
    expect(guest.gp()).toMatchObject({ event: { address: guest.rip } });
  });

  test('no code at an address of the hypervisor', () => {
    const guest = new StoppedGuest('clts');
    guest.rip = 0xffff_8000_0000_0000n;
    expect(guest.gp()).toMatchObject({ event: { vector: 14, address: guest.rip } });
  });

  test.each(['ud2', 'db 0x0f, 0x04', 'times 15 db 0x66\nclts'])(
    '%s is no privileged instruction',
    (text) => {
      expect(new StoppedGuest(text).gp()).toEqual(REFUSED);
    },
  );
});

describe('not emulated', () => {
  test.each([
    'hlt',
    'invd',
    'invlpg [rax]',
    'lgdt [rax]',
    'lidt [rax]',
    'lldt ax',
    'ltr ax',
    'lmsw ax',
    'rdpmc',
    'smsw eax',
    'sgdt [rax]',
    'mov rax, cr8',
    'mov cr8, rax',
    'mov [rax], rax',
    'mov ds, ax',
    'iretq',
    'o64 sysret',
  ])('%s', (text) => {
    const guest = new StoppedGuest(text);
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test.each([
    'mov rax, cr0',
    'mov cr0, rax',
    'mov rax, cr3',
    'mov cr3, rax',
    'mov rax, dr7',
    'mov dr7, rax',
    'clts',
    'rdmsr',
    'wrmsr',
    'wbinvd',
    'cli',
    'in al, 0xe9',
    'out 0xe9, al',
    'insb',
    'outsb',
  ])('%s in user code', (text) => {
    const guest = new StoppedGuest(text).set({ rcx: 0xc000_0100n, rdx: 0xe9n, rax: CR0 });
    guest.isKernel = false;
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });
});

describe('CR0', () => {
  test.each([
    [false, CR0],
    [true, CR0 | TS],
  ])('is the processor’s, but for TS: %s', (ts, value) => {
    const guest = new StoppedGuest('mov rbx, cr0');
    guest.ts = ts;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rbx')).toBe(value);
  });

  test('TS can be set and cleared', () => {
    const guest = new StoppedGuest('mov cr0, rax').set({ rax: CR0 | TS });
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.ts).toBe(true);
    guest.rip = CODE;
    guest.set({ rax: CR0 });
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.ts).toBe(false);
  });

  test('CLTS clears it', () => {
    const guest = new StoppedGuest('clts');
    guest.ts = true;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.ts).toBe(false);
  });

  test.each([0, 1, 2, 4, 5, 16, 18, 29, 30, 31, 32, 63])('bit %i cannot be changed', (bit) => {
    const guest = new StoppedGuest('mov cr0, rax').set({ rax: (CR0 | TS) ^ (1n << BigInt(bit)) });
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });
});

test('CR2 is the guest’s', () => {
  const guest = new StoppedGuest('mov cr2, rdi\nmov rsi, cr2').set({ rdi: 0xffff_ffff_0000_1234n });
  expect(guest.gp()).toEqual(RESUME);
  expect(guest.cr2).toBe(0xffff_ffff_0000_1234n);
  expect(guest.gp()).toEqual(RESUME);
  expect(guest.get('rsi')).toBe(0xffff_ffff_0000_1234n);
});

test('in 32-bit code registers have 32 bits', () => {
  const guest = new StoppedGuest('mov cr2, edi\nmov esi, cr2', 32).set({ rdi: -1n, rsi: -1n });
  expect(guest.gp()).toEqual(RESUME);
  expect(guest.cr2).toBe(0xffff_ffffn);
  expect(guest.gp()).toEqual(RESUME);
  expect(guest.get('rsi')).toBe(0xffff_ffffn);
});

describe('CR3', () => {
  test('is the address of the root', () => {
    const guest = new StoppedGuest('mov r9, cr3');
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.gpr[9]).toBe(0x1234_5000n);
  });

  test('another root; the low bits are ignored', () => {
    const guest = new StoppedGuest('mov cr3, r9');
    guest.gpr[9] = 0x7777_7abcn;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.root).toBe(0x7_7777n);
  });

  test('no root', () => {
    const guest = new StoppedGuest('mov cr3, rax');
    guest.rootResult = 'refused';
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test('a slice of the work: the instruction runs again, and is not done yet', () => {
    const guest = new StoppedGuest('mov cr3, rax');
    guest.rootResult = 'again';
    guest.rflags |= TF;
    const before = stateOf(guest);
    expect(guest.gp()).toEqual({ kind: 'resume', retired: 0 });
    expect(stateOf(guest)).toEqual(before);
  });
});

describe('CR4', () => {
  const features = new Set(['fsgsbase']);
  const native = { cr0: 0n, cr4: -1n & 0xffff_ffffn, msr: () => undefined };

  test('what the guest sees at first', () => {
    expect(guestCr4({ native, features }, 0n)).toBe(0x660n);
  });

  test('what it chooses', () => {
    expect(guestCr4({ native, features }, 0xffff_ffffn)).toBe(0x1_066cn);
    expect(guestCr4({ native, features: new Set() }, 0xffff_ffffn)).toBe(0x66cn);
  });

  test('is read and written', () => {
    const guest = new StoppedGuest('mov cr4, rax\nmov rbx, cr4').set({ rax: 0x1_00a4n });
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.cr4).toBe(0x1_0004n | (CR4 & 0x660n));
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rbx')).toBe(guest.cr4);
  });
});

describe('debug registers', () => {
  test.each([
    [0, 1n],
    [3, 4n],
    [6, 0xffff_0ff0n],
    [7, 0x400n],
  ])('DR%i is read', (register, value) => {
    const guest = new StoppedGuest(`mov rax, dr${register}`);
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(value);
  });

  test('and written', () => {
    const guest = new StoppedGuest('mov dr2, rdx').set({ rdx: 0x5000n });
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.debugRegisters[2]).toBe(0x5000n);
  });

  test.each(['mov rax, dr4', 'mov dr5, rax'])('%s: no such register', (text) => {
    const guest = new StoppedGuest(text);
    const before = stateOf(guest);
    expect(guest.gp()).toEqual({ kind: 'event', event: { vector: 6 }, retired: 0 });
    expect(stateOf(guest)).toEqual(before);
  });

  test('a value that it does not take', () => {
    const guest = new StoppedGuest('mov dr0, rax').set({ rax: 0xffff_8000_0000_0000n });
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });
});

test('WBINVD does nothing', () => {
  const guest = new StoppedGuest('wbinvd');
  expect(guest.gp()).toEqual(RESUME);
  expect(guest.rip).toBe(CODE + 2n);
});

test('an error code that names a selector is the guest’s', () => {
  const guest = new StoppedGuest('clts');
  expect(guest.gp(0x20)).toEqual(REFUSED);
});
