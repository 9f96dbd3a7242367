/** Machine checks (SDM 3B 17): kernels enable them unasked; this processor has them, and meets none. */

import { describe, expect, it } from 'vitest';
import { createExecutor } from '../../src/machine/exec.ts';
import { loadProcessorModule } from '../../src/node/wasm.ts';

const execute = createExecutor(loadProcessorModule());
const RIP = '0x20000000';

const run = (code: string, regs: Record<string, string>) =>
  execute({ code, cpl: 0, regs: { rip: RIP, ...regs } });

const CPUID = '0fa2';
const RDMSR = '0f32';
const WRMSR = '0f30';
const MCE = 1 << 7;
const MCA = 1 << 14;

describe('machine checks', () => {
  it('are reported by CPUID', () => {
    const reply = run(CPUID, { rax: '0x1' });
    if ('error' in reply) throw new Error(reply.error);
    expect(Number(reply.regs['rdx']) & (MCE | MCA)).toBe(MCE | MCA);
  });

  it('are enabled in CR4', () => {
    expect(run('0f22e0', { rax: '0x60' })).toMatchObject({ trap: null, regs: { cr4: '0x60' } });
  });

  it.each([
    ['IA32_P5_MC_ADDR', '0x0'],
    ['IA32_P5_MC_TYPE', '0x1'],
    ['IA32_MCG_CAP', '0x179'],
    ['IA32_MCG_STATUS', '0x17a'],
  ])('%s is zero', (_, rcx) => {
    const reply = run(RDMSR, { rcx, rax: '0x1', rdx: '0x1' });
    expect(reply).toMatchObject({ trap: null, regs: { rax: '0x0', rdx: '0x0' } });
  });

  it('IA32_MCG_STATUS can only be cleared', () => {
    const mcgStatus = { rcx: '0x17a', rdx: '0x0' };
    expect(run(WRMSR, { ...mcgStatus, rax: '0x0' })).toMatchObject({ trap: null });
    expect(run(WRMSR, { ...mcgStatus, rax: '0x4' })).toMatchObject({ trap: { name: '#GP' } });
  });

  it('there are no banks', () => {
    expect(run(RDMSR, { rcx: '0x400' })).toMatchObject({ trap: { name: '#GP' } });
  });
});
