/** VMX instructions: each outcome of each (SDM 3C chapter 31). VMLAUNCH with failing checks is in checks.test.ts. */

import { beforeEach, describe, expect, it } from 'vitest';
import { VMCS_REVISION_IDENTIFIER } from '../../src/vmx/capabilities.ts';
import { VMCS_FIELDS, vmcsField } from '../../src/vmx/fields.ts';
import {
  FOREIGN_REGION,
  OPERAND,
  OTHER_REGION,
  type Outcome,
  VMCS_REGION,
  VMXON_REGION,
  VmxRig,
} from './rig.ts';
import { fill } from './valid-vmcs.ts';

const rig = new VmxRig();
const [UD, GP] = ['#6', '#13'] as const;
const NONE = 0xffff_ffff_ffff_ffffn;
const NO_VMXE = 0xa0n;
/** Nothing is mapped there; no address. */
const NOTHING = 0x26000n;
const ALL = [
  'vmxoff',
  'vmclear [rbx]',
  'vmptrld [rbx]',
  'vmptrst [rbx]',
  'vmread rax, rcx',
  'vmwrite rcx, rax',
  'vmlaunch',
  'vmresume',
  'vmcall',
  'invept rax, [rbx]',
  'invvpid rax, [rbx]',
];
const MEMORY = ['vmxon [rbx]', 'vmclear [rbx]', 'vmptrld [rbx]', 'vmptrst [rbx]'];

const field = (name: string): bigint => BigInt(vmcsField(name).encoding);
const current = (): bigint => {
  expect(rig.run('vmptrst [rbx]')).toBe('succeed');
  return rig.machine.engine.memory.readU64(OPERAND);
};
const read = (encoding: bigint): Outcome =>
  rig.run('vmread rax, rcx', { rcx: encoding, rax: 0x55n });
const write = (encoding: bigint, value: bigint): Outcome =>
  rig.run('vmwrite rcx, rax', { rcx: encoding, rax: value });

describe('VMX instructions', () => {
  it('do not exist on a processor without VMX', () => {
    const plain = new VmxRig(new Set());
    plain.machine.restore(0);
    for (const text of ['vmxon [rbx]', ...ALL]) expect(plain.run(text)).toBe(UD);
  });

  it.each(ALL)('%s does not exist outside VMX operation', (text) => {
    rig.reset();
    expect(rig.run(text)).toBe(UD);
    rig.reset(3);
    expect(rig.run(text)).toBe(UD);
  });

  it.each(['vmxon [rbx]', ...ALL])('%s is privileged', (text) => {
    rig.resetInRoot();
    const { processor } = rig;
    processor.view.setU32('CPL', 3);
    processor.view.setSegment('cs', {
      base: 0n,
      limit: 0xffffffff,
      selector: 0x2b,
      access: 0xa0fb,
    });
    processor.view.setSegment('ss', {
      base: 0n,
      limit: 0xffffffff,
      selector: 0x23,
      access: 0xc0f3,
    });
    processor.stateChanged();
    expect(rig.run(text)).toBe(GP);
  });

  it.each(['vmxon [ebx]', 'vmxoff', 'vmread eax, ecx', 'vmlaunch', 'invept eax, [ebx]'])(
    '%s does not exist in compatibility mode',
    (text) => {
      rig.resetInRoot();
      rig.processor.view.setSegment('cs', {
        base: 0n,
        limit: 0xffffffff,
        selector: 0x40,
        access: 0xc09b,
      });
      rig.processor.stateChanged();
      expect(rig.run(text, {}, 32)).toBe(UD);
    },
  );

  it.each(MEMORY)('%s tells of a page fault', (text) => {
    if (text.startsWith('vmxon')) rig.reset();
    else rig.resetInRoot();
    expect(rig.run(text, { rbx: NOTHING })).toBe('#14');
  });
});

describe('VMXON', () => {
  beforeEach(() => rig.reset());
  const vmxon = (pointer: bigint): Outcome => rig.withPointer('vmxon [rbx]', pointer);

  it('enters VMX operation without a current VMCS', () => {
    expect(vmxon(VMXON_REGION)).toBe('succeed');
    expect(current()).toBe(NONE);
  });

  it('needs CR4.VMXE', () => {
    rig.processor.view.setU64('CR4', NO_VMXE);
    expect(vmxon(VMXON_REGION)).toBe(UD);
  });

  it('is privileged, and does not exist in compatibility mode', () => {
    rig.reset(3);
    expect(vmxon(VMXON_REGION)).toBe(GP);
    rig.reset(0, 32);
    expect(rig.run('vmxon [ebx]', {}, 32)).toBe(UD);
  });

  it('needs CR0.NE', () => {
    rig.processor.view.setU64('CR0', 0x80050013n);
    expect(vmxon(VMXON_REGION)).toBe(GP);
  });

  it.each([0n, 1n, 4n])('is refused by IA32_FEATURE_CONTROL = %i', (value) => {
    const { view } = rig.processor;
    const before = view.u64('FEATURE_CONTROL');
    view.setU64('FEATURE_CONTROL', value);
    expect(vmxon(VMXON_REGION)).toBe(GP);
    view.setU64('FEATURE_CONTROL', before);
    expect(before).toBe(5n);
  });

  it.each([VMXON_REGION + 8n, 1n << 40n, FOREIGN_REGION])(
    'fails with the pointer %x',
    (pointer) => {
      expect(vmxon(pointer)).toBe('failInvalid');
      expect(rig.run('vmxoff')).toBe(UD);
    },
  );

  it('fails with bit 31 of the revision set', () => {
    rig.putRevision(OTHER_REGION, VMCS_REVISION_IDENTIFIER + 0x8000_0000);
    expect(vmxon(OTHER_REGION)).toBe('failInvalid');
  });

  it('fails in VMX root operation', () => {
    rig.resetInRoot();
    expect(vmxon(VMXON_REGION)).toBe('failInvalid');
    rig.resetWithVmcs();
    expect(vmxon(VMXON_REGION)).toBe(15);
  });
});

describe('control registers in VMX operation', () => {
  const CR0 = 0x80050033n;
  const CR4 = 0x20a0n;
  it('refuse to clear the fixed bits', () => {
    rig.resetInRoot();
    for (const bit of [1n, 0x20n, 0x8000_0000n]) {
      expect(rig.run('mov cr0, rax', { rax: CR0 & ~bit })).toBe(GP);
    }
    expect(rig.run('mov cr4, rax', { rax: CR4 & ~0x2000n })).toBe(GP);
    expect(rig.processor.view.u64('CR0')).toBe(CR0);
  });

  it('take other values, and all after VMXOFF', () => {
    rig.resetInRoot();
    rig.run('mov cr0, rax', { rax: CR0 & ~0x10000n });
    expect(rig.processor.view.u64('CR0')).toBe(CR0 & ~0x10000n);
    rig.run('vmxoff');
    rig.run('mov cr4, rax', { rax: NO_VMXE });
    expect(rig.processor.view.u64('CR4')).toBe(NO_VMXE);
    expect(rig.run('vmcall')).toBe(UD);
  });
});

describe('VMCLEAR', () => {
  const vmclear = (pointer: bigint): Outcome => rig.withPointer('vmclear [rbx]', pointer);

  it('fails for wrong addresses', () => {
    rig.resetInRoot();
    expect(vmclear(VMCS_REGION + 8n)).toBe('failInvalid');
    rig.resetWithVmcs();
    expect(vmclear(VMCS_REGION + 8n)).toBe(2);
    expect(vmclear(1n << 40n)).toBe(2);
    expect(vmclear(VMXON_REGION)).toBe(3);
  });

  it('leaves no current VMCS if it was that, and another one otherwise', () => {
    rig.resetWithVmcs();
    expect(vmclear(OTHER_REGION)).toBe('succeed');
    expect(current()).toBe(VMCS_REGION);
    expect(vmclear(VMCS_REGION)).toBe('succeed');
    expect(current()).toBe(NONE);
  });

  it('writes the VMCS to its region, from which VMPTRLD reads it', () => {
    rig.resetWithVmcs();
    write(field('GUEST_RIP'), 0x1234n);
    vmclear(VMCS_REGION);
    rig.withPointer('vmptrld [rbx]', OTHER_REGION);
    read(field('GUEST_RIP'));
    expect(rig.register('rax')).toBe(0n);
    rig.withPointer('vmptrld [rbx]', VMCS_REGION);
    read(field('GUEST_RIP'));
    expect(rig.register('rax')).toBe(0x1234n);
  });
});

describe('VMPTRLD', () => {
  const vmptrld = (pointer: bigint): Outcome => rig.withPointer('vmptrld [rbx]', pointer);

  it('fails for wrong addresses and revisions', () => {
    rig.resetInRoot();
    expect(vmptrld(VMCS_REGION + 8n)).toBe('failInvalid');
    expect(vmptrld(FOREIGN_REGION)).toBe('failInvalid');
    rig.resetWithVmcs();
    expect(vmptrld(VMCS_REGION + 8n)).toBe(9);
    expect(vmptrld(1n << 40n)).toBe(9);
    expect(vmptrld(VMXON_REGION)).toBe(10);
    expect(vmptrld(FOREIGN_REGION)).toBe(11);
    expect(current()).toBe(VMCS_REGION);
  });

  it('keeps what another active VMCS holds, and its launch state', () => {
    rig.resetWithVmcs();
    write(field('GUEST_CR3'), 0x5000n);
    rig.processor.view.setU32('VMCS', VMCS_REVISION_IDENTIFIER);
    expect(vmptrld(OTHER_REGION)).toBe('succeed');
    write(field('GUEST_CR3'), 0x6000n);
    expect(vmptrld(VMCS_REGION)).toBe('succeed');
    read(field('GUEST_CR3'));
    expect(rig.register('rax')).toBe(0x5000n);
  });

  it('cuts fields to their widths, whatever the region holds', () => {
    rig.resetInRoot();
    rig.machine.engine.memory.write(Number(VMCS_REGION) + 8, new Uint8Array(0xff8).fill(0xff));
    expect(vmptrld(VMCS_REGION)).toBe('succeed');
    for (const { name, width } of VMCS_FIELDS) {
      const bits = width === '16' ? 16n : width === '32' ? 32n : 64n;
      expect(`${name} ${rig.read(name)}`).toBe(`${name} ${(1n << bits) - 1n}`);
    }
  });
});

describe('VMREAD and VMWRITE', () => {
  beforeEach(() => rig.resetWithVmcs());

  it('need a current VMCS', () => {
    rig.resetInRoot();
    expect(read(field('GUEST_RIP'))).toBe('failInvalid');
    expect(write(field('GUEST_RIP'), 1n)).toBe('failInvalid');
  });

  it.each(VMCS_FIELDS.filter(({ type }) => type !== 'readOnly'))(
    'write $name and read it back',
    ({ encoding, width, name }) => {
      const value = 0x0123_4567_89ab_cdefn;
      const bits = width === '16' ? 16 : width === '32' ? 32 : 64;
      expect(write(BigInt(encoding), value)).toBe('succeed');
      expect(read(BigInt(encoding))).toBe('succeed');
      expect(rig.register('rax')).toBe(BigInt.asUintN(bits, value));
      expect(rig.read(name)).toBe(BigInt.asUintN(bits, value));
    },
  );

  it.each(VMCS_FIELDS.filter(({ type }) => type === 'readOnly'))(
    'read $name, and refuse to write it',
    ({ encoding, name }) => {
      rig.write(name, 7n);
      expect(read(BigInt(encoding))).toBe('succeed');
      expect(rig.register('rax')).toBe(7n);
      expect(write(BigInt(encoding), 1n)).toBe(13);
    },
  );

  it('have access to high halves of 64-bit fields', () => {
    const tsc = field('TSC_OFFSET');
    write(tsc, 0x1111_2222_3333_4444n);
    write(tsc | 1n, 0x5555_6666_7777_8888n);
    read(tsc);
    expect(rig.register('rax')).toBe(0x7777_8888_3333_4444n);
    read(tsc | 1n);
    expect(rig.register('rax')).toBe(0x7777_8888n);
  });

  it.each([
    0x0006n, // beyond the last
    0x0001n, // no high half: 16 bits
    0x4001n, // 32 bits
    0x6801n, // natural width
    0x2012n, // virtual-APIC address, not offered
    0x401cn, // TPR threshold
    0x480en + 0x1000n, // bit 12
    0x1_0000_0000n + 0x681en, // above bit 31
    0x8000n,
    0x6840n, // index 32
  ])('refuse the field %x', (encoding) => {
    expect(read(encoding)).toBe(12);
    expect(rig.register('rax')).toBe(0x55n);
    expect(write(encoding, 0n)).toBe(12);
  });

  it('have operands in memory', () => {
    write(field('GUEST_RSP'), 0x1122_3344_5566_7788n);
    expect(rig.run('vmread [rbx], rcx', { rcx: field('GUEST_RSP') })).toBe('succeed');
    expect(rig.machine.engine.memory.readU64(OPERAND)).toBe(0x1122_3344_5566_7788n);
    rig.machine.engine.memory.writeU64(OPERAND, 0x99n);
    expect(rig.run('vmwrite rcx, [rbx]', { rcx: field('GUEST_RSP') })).toBe('succeed');
    expect(rig.read('GUEST_RSP')).toBe(0x99n);
    expect(rig.run('vmread [rbx], rcx', { rcx: field('GUEST_RSP'), rbx: NOTHING })).toBe('#14');
    expect(rig.run('vmwrite rcx, [rbx]', { rcx: field('GUEST_RSP'), rbx: NOTHING })).toBe('#14');
    expect(rig.run('vmwrite rcx, [rbx]', { rcx: 0x4400n, rbx: NOTHING })).toBe(13);
  });

  it('read wide fields that no field has beyond what IA32_VMX_VMCS_ENUM tells', () => {
    rig.run('rdmsr', { rcx: 0x48an });
    const highest = Number(rig.register('rax')) >> 1;
    expect(highest).toBe(Math.max(...VMCS_FIELDS.map(({ encoding }) => (encoding >> 1) & 0x1ff)));
  });
});

describe('VMLAUNCH and VMRESUME', () => {
  it('need a current VMCS', () => {
    rig.resetInRoot();
    expect(rig.run('vmlaunch')).toBe('failInvalid');
    expect(rig.run('vmresume')).toBe('failInvalid');
  });

  it('look at the launch state', () => {
    rig.resetWithVmcs();
    expect(rig.run('vmresume')).toBe(5);
    const { data, layout } = rig.processor.view;
    data.setUint32(layout('VMCS') + 8, 1, true);
    expect(rig.run('vmlaunch')).toBe(4);
    expect(rig.withPointer('vmclear [rbx]', VMCS_REGION)).toBe('succeed');
    expect(rig.withPointer('vmptrld [rbx]', VMCS_REGION)).toBe('succeed');
    expect(rig.run('vmresume')).toBe(5);
  });

  it('fail behind MOV SS', () => {
    rig.resetWithVmcs();
    fill(rig, { CR3_TARGET_COUNT: 5n });
    // mov ss, eax; vmlaunch
    rig.runBytes(Uint8Array.of(0x8e, 0xd0, 0x0f, 0x01, 0xc2), { rax: 0x10n });
    rig.machine.engine.run(1);
    expect(rig.outcome()).toBe(26);
    expect(rig.run('vmlaunch')).toBe(7);
  });
});

describe('VMCALL', () => {
  it('fails in VMX root operation', () => {
    rig.resetInRoot();
    expect(rig.run('vmcall')).toBe('failInvalid');
    rig.resetWithVmcs();
    expect(rig.run('vmcall')).toBe(1);
  });
});

describe('INVEPT and INVVPID', () => {
  beforeEach(() => rig.resetWithVmcs());
  const run = (name: string, type: bigint, low: bigint, high = 0n): Outcome => {
    rig.machine.engine.memory.writeU64(OPERAND, low);
    rig.machine.engine.memory.writeU64(OPERAND + 8, high);
    return rig.run(`${name} rax, [rbx]`, { rax: type });
  };

  it.each([
    [1n, 0x1_001en, 'succeed'],
    [1n, 0x1_005en, 'succeed'],
    [1n, 0x1_0019n, 28],
    [1n, 0x1_0026n, 28],
    [1n, 0x1_009en, 28],
    [1n, 0x100_0000_001en, 28],
    [2n, 0xffffn, 'succeed'],
    [0n, 0x1_001en, 28],
    [3n, 0x1_001en, 28],
    [0x1_0000_0001n, 0x1_001en, 28],
  ] as const)('INVEPT of type %i with %x gives %s', (type, pointer, outcome) => {
    expect(run('invept', type, pointer)).toBe(outcome);
  });

  it.each([
    [0n, 1n, 0x1000n, 'succeed'],
    [0n, 1n, 0x8000_0000_0000n, 28],
    [0n, 0n, 0x1000n, 28],
    [0n, 0x1_0001n, 0x1000n, 28],
    [1n, 1n, 0x8000_0000_0000n, 'succeed'],
    [1n, 0n, 0n, 28],
    [2n, 0n, 0n, 'succeed'],
    [2n, 0x1_0000n, 0n, 28],
    [3n, 1n, 0n, 'succeed'],
    [3n, 0n, 0n, 28],
    [4n, 1n, 0n, 28],
  ] as const)('INVVPID of type %i with %x and %x gives %s', (type, vpid, address, outcome) => {
    expect(run('invvpid', type, vpid, address)).toBe(outcome);
  });

  it('fault where their descriptor is not there', () => {
    expect(rig.run('invept rax, [rbx]', { rax: 1n, rbx: NOTHING - 8n })).toBe('#14');
    expect(rig.run('invvpid rax, [rbx]', { rax: 1n, rbx: NOTHING - 8n })).toBe('#14');
    rig.resetInRoot();
    expect(run('invept', 0n, 0n)).toBe('failInvalid');
    expect(run('invvpid', 4n, 0n)).toBe('failInvalid');
  });
});
