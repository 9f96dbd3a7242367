/** Events in a guest: exceptions that exit, what is told of interrupted deliveries, injection, windows, interrupts and NMIs. */

import { describe, expect, test } from 'vitest';
import {
  DATA,
  EPT,
  type Exit,
  GUEST,
  HANDLERS,
  IDT,
  type Setup,
  STACK,
  VmxRig,
} from './guest-rig.ts';

const VALID = 0x8000_0000;
const HAS_ERROR = 0x800;
const IF = 0x200n;
const [EXTERNAL, NMI, HARDWARE, SOFTWARE, PRIVILEGED, SOFTWARE_EXCEPTION] = [0, 2, 3, 4, 5, 6].map(
  (type) => VALID + (type << 8),
) as [number, number, number, number, number, number];
const all = { EXCEPTION_BITMAP: 0xffff_ffffn };
const ABSENT = 0x400000; // no page is there

const first = (code: string, setup: Setup = {}): Exit =>
  new VmxRig(`${code}\nvmcall\n`, setup).exit();
/** Vector of the handler that makes the VMCALL of an exit, undefined if it is not one. */
const handlerOf = ({ at }: Exit): number | undefined => {
  const n = (at + GUEST - HANDLERS) / 16;
  return Number.isInteger(n) && n >= 0 && n < 256 ? n : undefined;
};

describe('the exception bitmap', () => {
  test.each([
    ['ud2', HARDWARE + 6, 0, 0n],
    ['xor ecx, ecx\ndiv ecx', HARDWARE + 0, 0, 0n],
    ['mov ax, 0xfff8\nmov ds, ax', HARDWARE + HAS_ERROR + 13, 0, 0n],
    [`mov [${ABSENT}], al`, HARDWARE + HAS_ERROR + 14, 0, BigInt(ABSENT)],
    ['int3', SOFTWARE_EXCEPTION + 3, 1, 0n],
    ['int1', PRIVILEGED + 1, 1, 0n],
  ])('catches %s', (code, interruption, length, qualification) => {
    expect(first(code, { fields: all })).toMatchObject({
      reason: 0,
      interruption,
      length,
      qualification,
      vectoring: 0,
    });
  });

  test('leaves what it would have changed as it was, and sets RF for a fault', () => {
    const rig = new VmxRig(`mov [${ABSENT}], al`, { fields: { EXCEPTION_BITMAP: 1n << 14n } });
    const { at } = rig.exit();
    expect([at, rig.processor.view.u64('CR2')]).toEqual([0, 0n]);
    expect(rig.get('VM_EXIT_INTERRUPTION_ERROR_CODE')).toBe(2n);
    expect(rig.get('GUEST_RFLAGS') & 0x10000n).toBe(0x10000n);
  });

  test('a debug trap tells in its qualification', () => {
    const rig = new VmxRig('nop\nnop', { fields: { ...all, GUEST_RFLAGS: 0x102n } });
    expect(rig.exit()).toMatchObject({
      reason: 0,
      interruption: HARDWARE + 1,
      qualification: 0x4000n,
      at: 1,
    });
    expect(rig.get('GUEST_PENDING_DEBUG_EXCEPTIONS')).toBe(0n);
    expect(rig.processor.view.u64('DR6') & 0x4000n).toBe(0n);
  });

  test('does not catch INT n, nor what it has no bit for', () => {
    expect(handlerOf(first('int 3 + 3', { fields: all }))).toBe(6);
    expect(handlerOf(first('ud2'))).toBe(6);
  });

  test.each([
    [2n, 2n, true],
    [2n, 0n, false],
    [0n, 0n, true],
  ])('page faults by mask %i and match %i', (mask, match, caught) => {
    for (const bit of [0n, 1n]) {
      const exit = first(`mov [${ABSENT}], al`, {
        fields: {
          EXCEPTION_BITMAP: bit << 14n,
          PAGE_FAULT_ERROR_CODE_MASK: mask,
          PAGE_FAULT_ERROR_CODE_MATCH: match,
        },
      });
      expect(exit.reason === 0).toBe(caught === (bit === 1n));
    }
  });
});

describe('an interrupted delivery', () => {
  test('is told when an exception in it exits', () => {
    const rig = new VmxRig('int 0x30\nvmcall', { fields: { EXCEPTION_BITMAP: 1n << 11n } });
    rig.poke(IDT + 16 * 0x30, 0x00000e00_00080000n);
    expect(rig.exit()).toMatchObject({
      reason: 0,
      interruption: HARDWARE + HAS_ERROR + 11,
      vectoring: SOFTWARE + 0x30,
      length: 2,
      at: 0,
    });
  });

  test('a double fault that exits tells of itself alone', () => {
    const rig = new VmxRig('mov ax, 0xfff8\nmov ds, ax', {
      fields: { EXCEPTION_BITMAP: 1n << 8n },
    });
    rig.poke(IDT + 16 * 13, 0n);
    expect(rig.exit()).toMatchObject({
      reason: 0,
      interruption: HARDWARE + HAS_ERROR + 8,
      vectoring: 0,
    });
  });

  test('a triple fault exits', () => {
    expect(first('ud2', { fields: { GUEST_IDTR_LIMIT: 0n } })).toMatchObject({
      reason: 2,
      interruption: 0,
      vectoring: 0,
      at: 0,
    });
  });
});

describe('injection', () => {
  test.each([
    ['an external interrupt', EXTERNAL + 0x55, 0x55, 0n],
    ['an NMI', NMI + 2, 2, 0n],
    ['#GP', HARDWARE + HAS_ERROR + 13, 13, 0n],
    ['#PF', HARDWARE + HAS_ERROR + 14, 14, 0n],
    ['INT n', SOFTWARE + 0x33, 0x33, 2n],
    ['INT3', SOFTWARE_EXCEPTION + 3, 3, 1n],
    ['INT1', PRIVILEGED + 1, 1, 1n],
  ])('of %s', (_, information, vector, length) => {
    const rig = new VmxRig('nop', {
      fields: {
        ...all,
        GUEST_RFLAGS: 2n | IF,
        VM_ENTRY_INTERRUPTION_INFORMATION: BigInt(information),
        VM_ENTRY_EXCEPTION_ERROR_CODE: 0x18n,
        VM_ENTRY_INSTRUCTION_LENGTH: length,
      },
    });
    rig.processor.view.setU64('CR2', 0x77n);
    const exit = rig.exit();
    expect([exit.reason, handlerOf(exit)]).toEqual([18, vector]);
    const hasError = (information & HAS_ERROR) !== 0;
    const top = STACK - (hasError ? 48 : 40);
    if (hasError) expect(rig.peek(top)).toBe(0x18n);
    expect(rig.peek(top + (hasError ? 8 : 0))).toBe(BigInt(GUEST) + length);
    expect(rig.peek(top + (hasError ? 24 : 16))).toBe(2n | IF);
    expect(rig.processor.view.u64('CR2')).toBe(0x77n);
    expect(rig.get('VM_ENTRY_INTERRUPTION_INFORMATION') & BigInt(VALID)).toBe(0n);
    expect(rig.get('GUEST_INTERRUPTIBILITY_STATE')).toBe(information === NMI + 2 ? 8n : 0n);
  });

  test('is told as interrupted when its delivery exits', () => {
    const rig = new VmxRig('nop', {
      fields: {
        EXCEPTION_BITMAP: 1n << 11n,
        VM_ENTRY_INTERRUPTION_INFORMATION: BigInt(SOFTWARE + 0x33),
        VM_ENTRY_INSTRUCTION_LENGTH: 2n,
      },
    });
    rig.poke(IDT + 16 * 0x33, 0x00000e00_00080000n);
    expect(rig.exit()).toMatchObject({
      interruption: HARDWARE + HAS_ERROR + 11,
      vectoring: SOFTWARE + 0x33,
      length: 2,
      at: 0,
    });
  });
});

describe('interrupts and NMIs', () => {
  test('an external interrupt exits whatever IF says, acknowledged or not', () => {
    for (const acknowledged of [true, false]) {
      const rig = new VmxRig('jmp $', {
        controls: [
          'EXTERNAL_INTERRUPT_EXITING',
          ...(acknowledged ? (['ACKNOWLEDGE_INTERRUPT_ON_EXIT'] as const) : []),
        ],
      });
      expect(rig.run(100)).toBe('fuel');
      rig.processor.setInterruptLine(true);
      expect(rig.processor.run(100)).toBe('halt');
      expect(rig.told()).toMatchObject({
        reason: 1,
        interruption: acknowledged ? EXTERNAL + 0x40 : 0,
        at: 0,
      });
    }
  });

  test('and is delivered to the guest without the control', () => {
    const rig = new VmxRig('sti\njmp $');
    rig.run(100);
    rig.processor.setInterruptLine(true);
    expect(rig.processor.run(100)).toBe('halt');
    expect(handlerOf(rig.told())).toBe(0x40);
  });

  test('the interrupt window opens behind the shadow of STI', () => {
    const rig = new VmxRig('nop\nsti\nnop\nnop', { controls: ['INTERRUPT_WINDOW_EXITING'] });
    expect(rig.exit()).toMatchObject({ reason: 7, at: 3 });
  });

  test('an NMI exits and blocks those of the host; virtual blocking ends with IRET', () => {
    const rig = new VmxRig('jmp $', {
      controls: ['NMI_EXITING', 'VIRTUAL_NMIS'],
      fields: { GUEST_INTERRUPTIBILITY_STATE: 8n },
    });
    rig.run(100);
    rig.processor.raiseNmi();
    expect(rig.processor.run(100)).toBe('halt');
    expect(rig.told()).toMatchObject({ reason: 0, interruption: NMI + 2 });
    expect(rig.get('GUEST_INTERRUPTIBILITY_STATE')).toBe(8n);
    expect(rig.processor.view.u32('NMI_BLOCKED')).toBe(1);
  });

  test('the NMI window opens with IRET', () => {
    const code = `mov rax, rsp\npush 0x10\npush rax\npush 2\npush 8\npush ${GUEST + 0x100}\niretq\ntimes 0x100 nop`;
    const controls = ['NMI_EXITING', 'VIRTUAL_NMIS', 'NMI_WINDOW_EXITING'] as const;
    const rig = new VmxRig(code, { controls, fields: { GUEST_INTERRUPTIBILITY_STATE: 8n } });
    expect(rig.exit()).toMatchObject({ reason: 8, at: 0x100 });
  });

  test('a fault of IRET that had unblocked NMIs is told', () => {
    const controls = ['NMI_EXITING', 'VIRTUAL_NMIS'] as const;
    const fields = { ...all, GUEST_INTERRUPTIBILITY_STATE: 8n };
    const rig = new VmxRig('push 0\npush 0\npush 2\npush 0\npush 0\niretq', { controls, fields });
    expect(rig.exit()).toMatchObject({ interruption: HARDWARE + HAS_ERROR + 0x1000 + 13, at: 10 });
  });

  test('HLT without its control waits for what exits', () => {
    const rig = new VmxRig('hlt\nnop', { controls: ['EXTERNAL_INTERRUPT_EXITING'] });
    expect(rig.run(100)).toBe('halt');
    expect(rig.isGuest).toBe(true);
    rig.processor.setInterruptLine(true);
    expect(rig.processor.run(100)).toBe('halt');
    expect(rig.told()).toMatchObject({ reason: 1, at: 1 });
    expect(rig.get('GUEST_ACTIVITY_STATE')).toBe(1n);
  });
});

describe('the monitor trap flag', () => {
  test('exits after each instruction and each delivery', () => {
    const rig = new VmxRig('nop\nmov ecx, 2\nrep stosb\nint 0x30\n', {
      controls: ['MONITOR_TRAP_FLAG'],
    });
    rig.gpr[7] = BigInt(DATA);
    const steps = Array.from({ length: 5 }, () => rig.exit());
    expect(steps.map(({ reason }) => reason)).toEqual([37, 37, 37, 37, 37]);
    expect(steps.slice(0, 4).map(({ at }) => at)).toEqual([1, 6, 6, 8]);
    expect(handlerOf(steps[4] as Exit)).toBe(0x30);
  });

  test('is injected as an event of its own', () => {
    const rig = new VmxRig('nop\nvmcall', {
      fields: { VM_ENTRY_INTERRUPTION_INFORMATION: BigInt(VALID + 0x700) },
    });
    expect(rig.exit()).toMatchObject({ reason: 37, at: 0 });
    expect(rig.exit()).toMatchObject({ reason: 18, at: 1 });
  });
});

describe('the VMX-preemption timer', () => {
  const controls = ['ACTIVATE_VMX_PREEMPTION_TIMER', 'SAVE_VMX_PREEMPTION_TIMER_VALUE'] as const;
  test.each([0n, 1n, 7n, 100n])('exits after %i instructions', (value) => {
    const rig = new VmxRig('times 200 nop', {
      controls,
      fields: { GUEST_PREEMPTION_TIMER_VALUE: value },
    });
    expect(rig.exit()).toMatchObject({ reason: 52, at: Number(value) });
    expect(rig.get('GUEST_PREEMPTION_TIMER_VALUE')).toBe(0n);
  });

  test('keeps what is left at another exit, over runs of the processor', () => {
    const rig = new VmxRig('times 50 nop\ncpuid', {
      controls,
      fields: { GUEST_PREEMPTION_TIMER_VALUE: 80n },
    });
    expect(rig.run(20)).toBe('fuel');
    expect(rig.processor.run(20)).toBe('fuel');
    expect(rig.processor.run(20)).toBe('halt');
    expect(rig.told()).toMatchObject({ reason: 10, at: 50 });
    expect(rig.get('GUEST_PREEMPTION_TIMER_VALUE')).toBe(30n);
  });

  test('ends a wait in HLT', () => {
    const rig = new VmxRig('hlt', { controls, fields: { GUEST_PREEMPTION_TIMER_VALUE: 500n } });
    const start = rig.processor.time;
    expect(rig.exit()).toMatchObject({ reason: 52, at: 1 });
    expect(rig.processor.time - start).toBe(502n);
  });
});

describe('extended page tables', () => {
  /** The lowest 4 MiB of guest-physical memory, less the page at DATA. */
  function rigWithEpt(code: string, setup: Setup = {}): VmxRig {
    const rig = new VmxRig(code, {
      ...setup,
      controls: ['ENABLE_EPT', ...(setup.controls ?? [])],
      fields: { ...setup.fields, EPT_POINTER: BigInt(EPT) | 0x1en },
    });
    rig.poke(EPT, BigInt(EPT + 0x1000) | 7n);
    rig.poke(EPT + 0x1000, BigInt(EPT + 0x2000) | 7n);
    rig.poke(EPT + 0x2000, 0xb7n);
    rig.poke(EPT + 0x2008, BigInt(EPT + 0x3000) | 7n);
    for (let n = 1; n < 512; n++) rig.poke(EPT + 0x3000 + 8 * n, BigInt(DATA + n * 0x1000) | 0x37n);
    return rig;
  }

  test('a violation tells the addresses, and the access is made again', () => {
    const rig = rigWithEpt(`mov byte [${DATA + 5}], 7\nvmcall`);
    expect(rig.exit()).toMatchObject({ reason: 48, qualification: 0x182n, length: 0, at: 0 });
    expect(rig.get('GUEST_PHYSICAL_ADDRESS')).toBe(BigInt(DATA + 5));
    expect(rig.get('GUEST_LINEAR_ADDRESS')).toBe(BigInt(DATA + 5));
    expect(rig.get('GUEST_RFLAGS') & 0x10000n).toBe(0x10000n);
    rig.poke(EPT + 0x3000, BigInt(DATA) | 0x37n);
    expect(rig.exit().reason).toBe(18);
    expect((rig.peek(DATA) >> 40n) & 0xffn).toBe(7n);
  });

  test('a violation in a delivery tells of both', () => {
    const rig = rigWithEpt('int 0x30\nvmcall', { fields: { GUEST_RSP: BigInt(DATA + 0x100) } });
    expect(rig.exit()).toMatchObject({ reason: 48, vectoring: SOFTWARE + 0x30, length: 2, at: 0 });
  });
});
