/** Instructions that cause VM exits: reason, qualification, length and instruction information (SDM 3C 26.1, 28.2). */

import { describe, expect, test } from 'vitest';
import type { ControlName } from '../../src/vmx/controls.ts';
import {
  DATA,
  type Exit,
  GUEST,
  IO_A,
  IO_B,
  MSR_BITMAPS,
  type Setup,
  VmxRig,
} from './guest-rig.ts';

/** Exits of `code` up to a VMCALL behind it. */
function exitsOf(code: string, setup: Setup = {}): readonly Exit[] {
  return new VmxRig(`${code}\nvmcall\n`, setup).exits();
}
/** The only exit. */
function exitOf(code: string, setup: Setup = {}): Exit {
  const exits = exitsOf(code, setup);
  expect(exits.length).toBe(1);
  return exits[0] as Exit;
}
const told = ({ reason, qualification, length }: Exit) => [reason, qualification, length];

// biome-ignore format: one instruction per line: reason, control, length, qualification.
const PLAIN: readonly (readonly [string, number, ControlName | undefined, number, bigint?])[] = [
  ['cpuid',                  10, undefined,          2],
  ['invd',                   13, undefined,          2],
  ['hlt',                    12, 'HLT_EXITING',      1],
  ['invlpg [0x1234]',        14, 'INVLPG_EXITING',   8, 0x1234n],
  ['rdpmc',                  15, 'RDPMC_EXITING',    2],
  ['rdtsc',                  16, 'RDTSC_EXITING',    2],
  ['monitor',                39, 'MONITOR_EXITING',  3],
  ['mwait',                  36, 'MWAIT_EXITING',    3, 0n],
  ['pause',                  40, 'PAUSE_EXITING',    2],
  ['wbinvd',                 54, 'WBINVD_EXITING',   2],
  ['mov rbx, cr3',           28, 'CR3_STORE_EXITING', 3, 0x313n],
  ['mov cr3, rdi',           28, 'CR3_LOAD_EXITING', 3, 0x703n],
  ['mov r9, cr8',            28, 'CR8_STORE_EXITING', 4, 0x918n],
  ['mov cr8, rax',           28, 'CR8_LOAD_EXITING', 4, 0x8n],
  ['mov rdx, dr7',           29, 'MOV_DR_EXITING',   3, 0x217n],
  ['mov dr2, r10',           29, 'MOV_DR_EXITING',   4, 0xa02n],
  ['in al, 0x60',            30, 'UNCONDITIONAL_IO_EXITING', 2, 0x60_0048n],
  ['out 0x80, eax',          30, 'UNCONDITIONAL_IO_EXITING', 2, 0x80_0043n],
  ['vmxoff',                 26, undefined,          3],
  ['vmlaunch',               20, undefined,          3],
  ['vmresume',               24, undefined,          3],
];

describe('an instruction', () => {
  test.each(PLAIN.map((row) => ({ code: row[0], row })))('$code exits', ({ code, row }) => {
    const [, reason, control, length, qualification = 0n] = row;
    const setup = { controls: control ? [control] : [] };
    expect(told(exitOf(code, setup))).toEqual([reason, qualification, length]);
  });

  const quiet = PLAIN.filter(
    ([code, , control]) => control !== undefined && !/hlt|rdpmc|mwait/.test(code),
  ).map(([code]) => code);
  test.each(quiet)('%s does not without its control', (code) => {
    expect(exitsOf(`mov rdi, cr3\nmov eax, 0\nmov ecx, 0\nmov r10, 0\n${code}`)).toEqual([]);
  });

  test.each([
    ['sgdt [rax + rbx * 2 + 0x10]', 46, 0x10n, 0x000d8101],
    ['sidt [rcx]', 46, 0n, 0x10c18100],
    ['lgdt [r9 + 0x1000]', 46, 0x1000n, 0x24c18100],
    ['lidt [gs:rdx]', 46, 0n, 0x31428100],
  ])('%s tells its operand', (code, reason, displacement, information) => {
    const exit = exitOf(code, { controls: ['DESCRIPTOR_TABLE_EXITING'] });
    expect([exit.reason, exit.qualification, exit.instruction]).toEqual([
      reason,
      displacement,
      information,
    ]);
  });

  test('VMREAD and VMWRITE tell both registers', () => {
    const [read, write, memory] = exitsOf(
      'vmread rbx, rcx\nvmwrite rdx, rsi\nvmread [rdi + r8 * 4 + 8], r9',
    );
    const IS_REGISTER = 1 << 10;
    expect(read).toMatchObject({
      reason: 23,
      length: 3,
      instruction: IS_REGISTER | (3 << 3) | (1 << 28),
    });
    expect(write).toMatchObject({
      reason: 25,
      length: 3,
      instruction: IS_REGISTER | (6 << 3) | (2 << 28),
    });
    const places = 2 | (2 << 7) | (3 << 15) | (8 << 18) | (7 << 23);
    expect(memory).toMatchObject({ reason: 23, qualification: 8n, length: 6 });
    expect((memory?.instruction ?? 0) >>> 0).toBe((places | (9 << 28)) >>> 0);
  });

  test('an address relative to RIP is told whole, and has no base', () => {
    const exit = exitOf('vmptrst [rel there]\njmp past\nthere: dq 0\npast:');
    expect(exit.reason).toBe(22);
    expect(exit.qualification).toBe(BigInt(GUEST + 7 + 2));
    expect(exit.instruction & ((1 << 27) | (1 << 22))).toBe((1 << 27) | (1 << 22));
  });

  test('RDTSCP and INVPCID are there where a control says so', () => {
    const UD = 1 << 6;
    const code = 'rdtscp\nmov eax, 2\ninvpcid rax, [0x1000]';
    const without = exitsOf('rdtscp', { fields: { EXCEPTION_BITMAP: BigInt(UD) } }).slice(0, 1);
    expect(without).toMatchObject([{ reason: 0, interruption: 0x80000306 }]);
    expect(exitsOf(code, { controls: ['ENABLE_RDTSCP', 'ENABLE_INVPCID'] })).toEqual([]);
    const caught = exitsOf(code, {
      controls: ['ENABLE_RDTSCP', 'ENABLE_INVPCID', 'RDTSC_EXITING', 'INVLPG_EXITING'],
    });
    expect(caught.map(({ reason }) => reason)).toEqual([51, 58]);
  });
});

describe('control registers', () => {
  const TS = 8n;
  test('bits of the host read as the shadow has them, and a write that would change them exits', () => {
    const rig = new VmxRig(
      'mov rbx, cr0\nsmsw ecx\nmov cr0, rbx\nand ebx, ~8\nmov cr0, rbx\nmov rdx, cr4\nmov cr4, rdx\nbtr rdx, 13\nmov cr4, rdx\nvmcall',
      {
        fields: {
          CR0_GUEST_HOST_MASK: TS,
          CR0_READ_SHADOW: TS,
          CR4_GUEST_HOST_MASK: 0x2000n,
          CR4_READ_SHADOW: 0x2000n,
        },
      },
    );
    expect(rig.exits().map(told)).toEqual([
      [28, 0x300n, 3],
      [28, 0x204n, 3],
    ]);
    expect(rig.gpr[1]).toBe(0x80000039n);
    expect(rig.get('GUEST_CR0') & TS).toBe(0n);
  });

  test('CR4.VMXE of a guest that does not see it', () => {
    const rig = new VmxRig('mov rdx, cr4\nmov cr4, rdx\nvmcall', {
      fields: { CR4_GUEST_HOST_MASK: 0x2000n },
    });
    expect(rig.exits()).toEqual([]);
    expect(rig.gpr[2]).toBe(0x20n);
    expect(rig.get('GUEST_CR4')).toBe(0x2020n);
  });

  test('CLTS and LMSW', () => {
    const fields = { CR0_GUEST_HOST_MASK: TS, CR0_READ_SHADOW: TS };
    expect(told(exitOf('clts', { fields }))).toEqual([28, 0x20n, 2]);
    expect(exitsOf('clts', { fields: { CR0_GUEST_HOST_MASK: TS } })).toEqual([]);
    expect(told(exitOf('mov eax, 7\nlmsw ax', { fields: { CR0_GUEST_HOST_MASK: 2n } }))).toEqual([
      28,
      0x7_0030n,
      3,
    ]);
    const rig = new VmxRig(`mov word [${DATA}], 7\nlmsw [${DATA}]\nvmcall`, {
      fields: { CR0_GUEST_HOST_MASK: 2n },
    });
    expect(told(rig.exit())).toEqual([28, 0x7_0070n, 8]);
    expect(rig.get('GUEST_LINEAR_ADDRESS')).toBe(BigInt(DATA));
    expect(
      exitsOf('mov eax, 7\nlmsw ax', { fields: { CR0_GUEST_HOST_MASK: 1n, CR0_READ_SHADOW: 1n } }),
    ).toEqual([]);
  });

  test('CR3-target values do not exit', () => {
    const fields = { CR3_TARGET_COUNT: 1n, CR3_TARGET_VALUE_0: 0x1000n };
    expect(
      exitsOf('mov eax, 0x1000\nmov cr3, rax', { controls: ['CR3_LOAD_EXITING'], fields }),
    ).toEqual([]);
  });
});

describe('ports and MSRs', () => {
  test('the bitmaps of ports tell for each byte', () => {
    const rig = new VmxRig(
      'in eax, 0x3d\nin al, 0x3f\nin al, 0x41\nmov dx, 0xffff\nin ax, dx\nmov dx, 0x8001\nout dx, al\nvmcall',
      {
        controls: ['USE_IO_BITMAPS'],
      },
    );
    rig.poke(IO_A + 8, 1n);
    rig.poke(IO_B, 2n);
    expect(rig.exits().map(told)).toEqual([
      [30, 0x3d_004bn, 2],
      [30, 0xffff_0009n, 2],
      [30, 0x8001_0000n, 1],
    ]);
    expect(rig.ports.map(({ port }) => port)).toEqual([0x3f, 0x41]);
  });

  test('string I/O tells its memory', () => {
    const rig = new VmxRig(
      `mov rdi, ${DATA}\nmov rsi, ${DATA + 16}\nmov ecx, 3\nmov dx, 0x10\nrep insb\noutsd\nmov ecx, 0\nrep outsb\nvmcall`,
      {
        controls: ['UNCONDITIONAL_IO_EXITING'],
      },
    );
    expect(rig.exit()).toMatchObject({
      reason: 30,
      qualification: 0x10_0038n,
      length: 2,
      instruction: 2 << 7,
    });
    expect(rig.get('GUEST_LINEAR_ADDRESS')).toBe(BigInt(DATA));
    expect(rig.exit()).toMatchObject({
      reason: 30,
      qualification: 0x10_0013n,
      length: 1,
      instruction: (2 << 7) | (3 << 15),
    });
    expect(rig.exits()).toEqual([]);
    expect(rig.ports).toEqual([]);
  });

  test('the bitmaps of MSRs', () => {
    const code =
      'mov ecx, 0x174\nrdmsr\nwrmsr\nmov ecx, 0xc0000081\nrdmsr\nwrmsr\nmov ecx, 0x3000\nrdmsr';
    expect(exitsOf(code).map(({ reason }) => reason)).toEqual([31, 32, 31, 32, 31]);
    const rig = new VmxRig(`${code}\nvmcall`, { controls: ['USE_MSR_BITMAPS'] });
    rig.processor.memory.write(MSR_BITMAPS + 0x174 / 8, Uint8Array.of(1 << 4));
    rig.processor.memory.write(MSR_BITMAPS + 0xc00 + 0x10, Uint8Array.of(2));
    expect(rig.exits().map(({ reason, at }) => [reason, at])).toEqual([
      [31, 5],
      [32, 16],
      [31, 23],
    ]);
  });

  test('RDTSC and RDMSR of the TSC add the offset', () => {
    const rig = new VmxRig('rdtsc\nmov ebx, edx\nmov ecx, 0x10\nrdmsr\nvmcall', {
      controls: ['USE_TSC_OFFSETTING', 'USE_MSR_BITMAPS'],
      fields: { TSC_OFFSET: 0x7_0000_0000n },
    });
    expect(rig.exits()).toEqual([]);
    expect([rig.gpr[3], rig.gpr[2]]).toEqual([7n, 7n]);
  });
});

test('faults by privilege come first, but for MOV DR and VMX instructions', () => {
  const fields = {
    GUEST_CS_SELECTOR: 0x23n,
    GUEST_CS_ACCESS_RIGHTS: 0xa0fbn,
    GUEST_SS_SELECTOR: 0x1bn,
    GUEST_SS_ACCESS_RIGHTS: 0xc0f3n,
    GUEST_DS_ACCESS_RIGHTS: 0xc0f3n,
    GUEST_ES_ACCESS_RIGHTS: 0xc0f3n,
    GUEST_FS_ACCESS_RIGHTS: 0xc0f3n,
    GUEST_GS_ACCESS_RIGHTS: 0xc0f3n,
    EXCEPTION_BITMAP: 0xffff_ffffn,
  };
  const first = (code: string, controls: readonly ControlName[]) => {
    const rig = new VmxRig(`${code}\nvmcall`, { controls, fields });
    const exit = rig.exit();
    return [exit.reason, exit.interruption & 0xff];
  };
  expect(first('hlt', ['HLT_EXITING'])).toEqual([0, 13]);
  expect(first('in al, 0x60', ['UNCONDITIONAL_IO_EXITING'])).toEqual([0, 13]);
  expect(first('monitor', ['MONITOR_EXITING'])).toEqual([0, 6]);
  expect(first('mov rax, dr0', ['MOV_DR_EXITING'])).toEqual([29, 0]);
  expect(first('vmxoff', [])).toEqual([26, 0]);
});
