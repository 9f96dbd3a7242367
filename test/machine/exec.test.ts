/** `exec`: what a request leaves behind must be nothing (DESIGN.md section 6). */

import { describe, expect, it } from 'vitest';
import { createExecutor, type ExecResult } from '../../src/machine/exec.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const execute = createExecutor(loadProcessorModule());
const RIP = '0x20000000';

/** `code` at CPL `cpl`, with a page of data at 0x10000000. */
function run(code: string, cpl: 0 | 3, regs: Record<string, string> = {}): ExecResult {
  const mem = [['0x10000000', '1122334455667788']];
  const reply = execute({ code, cpl, regs: { rip: RIP, ...regs }, mem });
  if ('error' in reply) throw new Error(reply.error);
  return reply;
}

const STORE_RAX = '488907'; // mov [rdi], rax
const LOAD_RAX = '488b07'; // mov rax, [rdi]

describe('exec', () => {
  it('reports what changed, byte by byte', () => {
    const { mem } = run(STORE_RAX, 3, { rax: '0xff77665544332200', rdi: '0x10000000' });
    expect(mem).toEqual([
      ['0x10000000', '00'],
      ['0x10000007', 'ff'],
    ]);
    expect(run(STORE_RAX, 3, { rax: '0x8877665544332211', rdi: '0x10000000' }).mem).toEqual([]);
  });

  it('forgets the pages of the request before', () => {
    run(STORE_RAX, 3, { rax: '0x1', rdi: '0x10000ff0' });
    expect(run(LOAD_RAX, 3, { rdi: '0x10000ff0' }).regs['rax']).toBe('0x0');
    const fault = execute({ code: LOAD_RAX, regs: { rip: RIP, rdi: '0x10000000' } });
    expect(fault).toMatchObject({ trap: { name: '#PF', error: '0x4', cr2: '0x10000000' } });
  });

  it('undoes what CPL 0 writes to the system structures', () => {
    const idt = '0xffffff0000001000';
    const before = run(LOAD_RAX, 0, { rdi: idt }).regs['rax'];
    run(STORE_RAX, 0, { rax: '0x1', rdi: idt });
    expect(run(LOAD_RAX, 0, { rdi: idt }).regs['rax']).toBe(before);
  });

  it.each([
    ['32-bit paging', {}],
    ['32-bit paging without PSE', { cr4: '0x0' }],
    ['PAE paging', { cr4: '0xb0' }],
    ['compatibility mode', { cr4: '0xb0', efer: '0xd01' }],
  ])('runs 32-bit code under %s', (_, control) => {
    const regs = { rip: RIP, rbx: '0xc0000ffe', ...control };
    const mem = [['0xc0000ffe', '78563412']];
    const reply = execute({ code: '8b03', mode: 'prot32', cpl: 3, regs, mem }); // mov eax, [ebx]
    expect(reply).toMatchObject({ trap: null, regs: { rax: '0x12345678' } });
  });

  it('refuses to run without paging', () => {
    const error = 'cr0 must have PE and PG: what a request gives is mapped by page tables';
    for (const mode of ['long64', 'prot32']) {
      for (const cr0 of ['0x11', '0x0', '0x80000000']) {
        expect(execute({ code: '90', mode, cpl: 0, regs: { cr0 } })).toEqual({ error });
      }
    }
  });

  it('refuses pages that it cannot map, and goes on', () => {
    const at = (address: string) =>
      execute({ code: '90', regs: { rip: RIP }, mem: [[address, '00']] });
    expect(at('0x800000000000')).toEqual({ error: 'address 0x800000000000 is not canonical' });
    expect(at('0xffffff0000000000')).toMatchObject({ error: expect.stringContaining('taken by') });
    expect(at('0xffffffffffffffff')).toMatchObject({ trap: null });
  });
});
