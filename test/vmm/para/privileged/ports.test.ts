/** I/O ports: who may use them, and what is behind them. */

import { describe, expect, test } from 'vitest';
import { CODE, DATA, DF, IF, REFUSED, RESUME, StoppedGuest, stateOf, TF } from './rig.ts';

describe('a granted port', () => {
  test('is written to', () => {
    const guest = new StoppedGuest('out 0xe9, al').set({ rax: 0x1234n });
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.log).toEqual(['out e9 1 34']);
    expect(guest.rip).toBe(CODE + 2n);
  });

  test('is read; the rest of RAX stays', () => {
    const guest = new StoppedGuest('in al, dx').set({
      rax: 0x1122_3344_5566_7788n,
      rdx: 0x1_00f4n,
    });
    guest.inputs = [0xab];
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.log).toEqual(['in f4 1']);
    expect(guest.get('rax')).toBe(0x1122_3344_5566_77abn);
  });

  test('is not traced', () => {
    const guest = new StoppedGuest('out 0xe9, al');
    guest.rflags |= TF;
    expect(guest.gp()).toEqual(RESUME);
  });

  test('is for the kernel, or for user code of level 3', () => {
    const guest = new StoppedGuest('out 0xe9, al');
    guest.isKernel = false;
    expect(guest.gp()).toEqual(REFUSED);
    guest.iopl = 3;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.log.length).toBe(1);
  });
});

describe('another port', () => {
  test.each([
    'in al, 0x60',
    'in ax, 0xe9',
    'in eax, dx',
    'out 0x70, al',
    'out dx, ax',
    'insb',
    'rep outsb',
  ])('%s is refused', (text) => {
    const guest = new StoppedGuest(text).set({ rdx: 0xcf8n, rcx: 1n, rsi: DATA, rdi: DATA });
    const before = stateOf(guest);
    expect(guest.gp()).toEqual(REFUSED);
    expect(stateOf(guest)).toEqual(before);
  });

  test.each([
    ['in al, 0x60', -1n & 0x1122_3344_5566_77ffn],
    ['in ax, dx', 0x1122_3344_5566_ffffn],
    ['in eax, dx', 0xffff_ffffn],
  ])('%s shows ones where the level allows it', (text, value) => {
    const guest = new StoppedGuest(text).set({ rdx: 0xcf8n, rax: 0x1122_3344_5566_7788n });
    guest.iopl = 1;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.get('rax')).toBe(value);
    expect(guest.log).toEqual([]);
  });

  test('OUT does nothing there, and is traced', () => {
    const guest = new StoppedGuest('out 0x70, al');
    guest.iopl = 1;
    guest.rflags |= TF;
    expect(guest.gp()).toMatchObject({ kind: 'event', event: { vector: 1 } });
    expect(guest.log).toEqual([]);
  });
});

describe('levels', () => {
  test.each([
    [true, false, 0, false],
    [true, false, 1, true],
    [true, true, 0, true],
    [false, false, 1, false],
    [false, true, 2, false],
    [false, false, 3, true],
  ])('kernel %s, architectural %s, IOPL %i: %s', (isKernel, isArchitectural, iopl, allowed) => {
    for (const text of ['cli', 'sti', 'in al, 0x60', 'out 0x60, eax']) {
      const guest = new StoppedGuest(text);
      Object.assign(guest, { isKernel, iopl, hasArchitecturalIopl: isArchitectural });
      expect(guest.gp()).toEqual(allowed ? RESUME : REFUSED);
    }
  });

  test.each(['cli', 'sti'])('%s changes nothing, and is not traced', (text) => {
    const guest = new StoppedGuest(text);
    guest.iopl = 1;
    guest.rflags |= TF;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.rflags & IF).toBe(IF);
    expect(guest.rip).toBe(CODE + 1n);
  });
});

describe('strings', () => {
  const strings = (text: string, bits: 32 | 64 = 64): StoppedGuest => {
    const guest = new StoppedGuest(text, bits);
    guest.iopl = 3;
    return guest.set({ rdx: 0xe9n, rsi: DATA, rdi: DATA });
  };

  test('OUTSB', () => {
    const guest = strings('outsb');
    guest.pages.get(DATA / 4096n)![0] = 0x41;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.log).toEqual(['out e9 1 41']);
    expect(guest.get('rsi')).toBe(DATA + 1n);
    expect(guest.get('rdi')).toBe(DATA);
  });

  test('REP OUTSB', () => {
    const guest = strings('rep outsb').set({ rcx: 3n });
    guest.pages.get(DATA / 4096n)!.set([1, 2, 3, 4]);
    expect(guest.gp()).toEqual({ kind: 'resume', retired: 3 });
    expect(guest.log).toEqual(['out e9 1 1', 'out e9 1 2', 'out e9 1 3']);
    expect([guest.get('rsi'), guest.get('rcx')]).toEqual([DATA + 3n, 0n]);
    expect(guest.rip).toBe(CODE + 2n);
  });

  test('REP INSB', () => {
    const guest = strings('rep insb').set({ rcx: 2n });
    guest.inputs = [7, 8];
    expect(guest.gp()).toEqual({ kind: 'resume', retired: 2 });
    expect(guest.bytesAt(DATA, 3)).toEqual([7, 8, 0]);
    expect([guest.get('rdi'), guest.get('rcx')]).toEqual([DATA + 2n, 0n]);
  });

  test('downwards, from a port with nothing behind it', () => {
    const guest = strings('rep insw').set({ rcx: 2n, rdx: 0x60n, rdi: DATA + 2n });
    guest.rflags |= DF;
    expect(guest.gp()).toEqual({ kind: 'resume', retired: 2 });
    expect(guest.bytesAt(DATA, 5)).toEqual([255, 255, 255, 255, 0]);
    expect(guest.get('rdi')).toBe(DATA - 2n);
    expect(guest.log).toEqual([]);
  });

  test('a count of 0 needs no right', () => {
    const guest = strings('rep insb');
    guest.iopl = 0;
    guest.isKernel = false;
    expect(guest.gp()).toEqual(RESUME);
    expect(guest.rip).toBe(CODE + 2n);
  });

  test('with TF, one at a time', () => {
    const guest = strings('rep outsb').set({ rcx: 2n });
    guest.rflags |= TF;
    const traced = { kind: 'event', event: { vector: 1, dr6: 0x4000n }, retired: 1 };
    expect(guest.gp()).toEqual(traced);
    expect([guest.rip, guest.get('rcx')]).toEqual([CODE, 1n]);
    expect(guest.gp()).toEqual(traced);
    expect([guest.rip, guest.get('rcx')]).toEqual([CODE + 2n, 0n]);
  });

  test('a huge count is done in slices', () => {
    const guest = strings('rep outsb').set({ rcx: -1n });
    expect(guest.gp()).toEqual({ kind: 'resume', retired: 1024 });
    expect(guest.rip).toBe(CODE);
    expect(BigInt.asUintN(64, -1n - guest.get('rcx'))).toBe(1024n);
    expect(guest.log.length).toBe(1024);
  });

  test('32-bit addresses', () => {
    const guest = strings('a32 rep outsb').set({ rcx: 0xff_0000_0001n, rsi: 0xff_0060_0000n });
    expect(guest.gp()).toEqual(RESUME);
    expect([guest.get('rcx'), guest.get('rsi')]).toEqual([0n, DATA + 1n]);
  });

  describe('what faults', () => {
    test('a page fault in the middle', () => {
      const guest = strings('rep insd').set({ rdx: 0x60n, rcx: 4n, rdi: DATA + 4090n });
      guest.isKernel = false;
      const event = { vector: 14, error: 6, address: DATA + 4096n };
      expect(guest.gp()).toEqual({ kind: 'event', event, retired: 1 });
      expect([guest.rip, guest.get('rcx'), guest.get('rdi')]).toEqual([CODE, 3n, DATA + 4094n]);
    });

    test('a page that is read-only, before the port is read', () => {
      const guest = strings('insb');
      guest.readOnly.add(DATA / 4096n);
      const event = { vector: 14, error: 2, address: DATA };
      expect(guest.gp()).toEqual({ kind: 'event', event, retired: 0 });
      expect(guest.log).toEqual([]);
    });

    test('a page that is not there, before the port is written to', () => {
      const guest = strings('outsb').set({ rsi: 0x1000n });
      const event = { vector: 14, error: 0, address: 0x1000n };
      expect(guest.gp()).toEqual({ kind: 'event', event, retired: 0 });
      expect(guest.log).toEqual([]);
    });

    test.each([0xffff_8000_0000_0000n, 0xffff_87ff_ffff_ffffn, 0x8000_0000_0000n])(
      'an address that is not the guest’s',
      (address) => {
        const guest = strings('insb').set({ rdi: address });
        expect(guest.gp()).toEqual({ kind: 'event', event: { vector: 13, error: 0 }, retired: 0 });
      },
    );
  });

  describe('segments', () => {
    const data = { selector: 0xe02b, base: 0n, limit: 0xffff_ffff, access: 0xc0f3 };

    test('64-bit code uses the bases of FS and GS', () => {
      const guest = strings('fs outsb').set({ rsi: 0n });
      guest.segments.set('fs', { ...data, base: DATA, limit: 0 });
      guest.segments.set('ds', { ...data, base: 1n });
      expect(guest.gp()).toEqual(RESUME);
      expect(guest.log.length).toBe(1);
    });

    test('and no others', () => {
      const guest = strings('insb');
      guest.segments.set('es', { selector: 0, base: 5n, limit: 0, access: 1 << 16 });
      expect(guest.gp()).toEqual(RESUME);
    });

    test('32-bit code uses base and limit', () => {
      const guest = strings('insd', 32).set({ rdi: 4n, rdx: 0x60n });
      guest.segments.set('es', { ...data, base: DATA, limit: 7 });
      expect(guest.gp()).toEqual(RESUME);
      expect(guest.bytesAt(DATA, 9)).toEqual([0, 0, 0, 0, 255, 255, 255, 255, 0]);
    });

    test.each([
      ['insd', 'es', 13],
      ['outsd', 'ds', 13],
      ['ss outsd', 'ss', 12],
      ['cs outsd', 'cs', 13],
    ] as const)('%s beyond the limit', (text, segment, vector) => {
      const guest = strings(text, 32).set({ rdi: 4n, rsi: 4n });
      guest.segments.set(segment, { ...data, limit: 6 });
      if (segment === 'cs')
        guest.segments.set('cs', { ...data, access: 0xc0fb, base: 0n, limit: 6 });
      expect(guest.gp()).toEqual({ kind: 'event', event: { vector, error: 0 }, retired: 0 });
    });

    test.each([
      ['insb', 'es', 0xc0f1, { vector: 13, error: 0 }],
      ['insb', 'es', 0xc0fb, { vector: 13, error: 0 }],
      ['insb', 'es', 0xc0e3, { vector: 13, error: 0 }],
      ['cs outsb', 'cs', 0xc0f9, { vector: 13, error: 0 }],
      ['ss outsb', 'ss', 0x0082, { vector: 12, error: 0 }],
    ] as const)('%s: not what access rights allow', (text, segment, access, event) => {
      const guest = strings(text, 32);
      guest.segments.set(segment, { ...data, access });
      expect(guest.gp()).toEqual({ kind: 'event', event, retired: 0 });
    });

    test('OUTS reads what cannot be written to', () => {
      const guest = strings('outsb', 32);
      guest.segments.set('ds', { ...data, access: 0xc0f1 });
      expect(guest.gp()).toEqual(RESUME);
    });

    test('a segment that is null', () => {
      const guest = strings('insb', 32);
      guest.segments.set('es', { ...data, access: 1 << 16 });
      expect(guest.gp()).toEqual(REFUSED);
    });
  });
});
