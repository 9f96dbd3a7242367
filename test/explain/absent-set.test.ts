/** Instructions that this machine lacks are named as such, where they end a run. */

import { describe, expect, test } from 'vitest';
import { absentSet } from '../../src/explain/absent-set.ts';
import { explainEnd } from '../../src/explain/run-end.ts';
import { boot } from '../pc/rig.ts';

const hex = (bytes: string): Uint8Array => Uint8Array.from(Buffer.from(bytes, 'hex'));

describe('sets', () => {
  test.each([
    ['fninit', 'dbe3', 'x87'],
    ['wait', '9b', 'x87'],
    ['movaps xmm0, xmm1', '0f28c1', 'MMX or SSE'],
    ['movdqa xmm8, [rax]', '66440f6f00', 'MMX or SSE'],
    ['movsd xmm0, [rax]', 'f20f1000', 'MMX or SSE'],
    ['pshufb xmm0, xmm1', '660f3800c1', 'MMX or SSE'],
    ['emms', '0f77', 'MMX or SSE'],
    ['fxsave64 [rdi]', '480fae07', 'MMX or SSE'],
    ['ldmxcsr [rsp]', '0fae1424', 'MMX or SSE'],
    ['xsaveopt [rdi]', '0fae37', 'XSAVE'],
    ['xsavec [rdi]', '0fc727', 'XSAVE'],
    ['xgetbv', '0f01d0', 'XSAVE'],
    ['vzeroupper', 'c5f877', 'AVX'],
    ['vmxon [rax]', 'f30fc730', 'VMX'],
    ['vmread rax, rcx', '0f78c8', 'VMX'],
    ['vmcall', '0f01c1', 'VMX'],
    ['vmrun', '0f01d8', 'SVM'],
    ['rsm', '0faa', 'system management mode'],
  ])('%s', (_, bytes, set) => {
    expect(absentSet(hex(bytes), true)).toMatch(new RegExp(`^${set}, which this machine does not`));
  });

  test.each([
    ['ud2', '0f0b'],
    ['ud0', '0fffc0'],
    ['push es', '06'],
    ['nothing', ''],
  ])('none: %s', (_, bytes) => {
    expect(absentSet(hex(bytes), true)).toBeUndefined();
  });

  test('outside 64-bit mode VEX begins with what would be a register operand', () => {
    expect(absentSet(hex('c5f877'), false)).toMatch(/^AVX/);
    expect(absentSet(hex('c501'), false)).toBeUndefined();
  });
});

/** The explanation of the end of `source`. */
function explain(source: string): string {
  const guest = boot(source, { ramBytes: 2 ** 22 });
  const { machine } = guest.pc;
  return explainEnd(machine, machine.run(), guest.symbols).join('\n');
}

const X87 = 'the bytes are an instruction of x87, which this machine does not have';
const HANDLED = `
  lidt [idtr]
  mov eax, panic
  mov [idt + 6 * 16], ax
  mov word [idt + 6 * 16 + 2], 8
  mov byte [idt + 6 * 16 + 5], 0x8e
  shr eax, 16
  mov [idt + 6 * 16 + 6], ax
faulty:
  BODY
panic: cli
  hlt
idtr: dw 0xfff
  dq idt
idt: times 0x1000 db 0
`;

describe('ends', () => {
  test('a triple fault', () => {
    expect(explain('db 0xdb, 0xe3')).toContain(`     ${X87}`);
  });

  test('a guest that takes the fault and stops', () => {
    const text = explain(HANDLED.replace('BODY', 'db 0xdb, 0xe3'));
    expect(text).toMatch(/^halted .*\nthe last fault that the guest took:\n {2}1\. #UD\n/);
    expect(text).toContain('(faulty)');
    expect(text).toContain(X87);
  });

  test('a fault of another kind is the business of the guest', () => {
    expect(explain(HANDLED.replace('BODY', 'ud2'))).not.toContain('the last fault');
  });
});
