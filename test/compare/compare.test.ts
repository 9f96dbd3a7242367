/** Where a guest first differs under a technique: to the instruction, in short runs and in long ones. */

import { describe, expect, test } from 'vitest';
import { type ComparedRun, compareGuest } from '../../src/compare/compare.ts';
import { loadImage } from '../../src/image/load.ts';
import type { FullTechnique } from '../../src/vmm/monitor.ts';
import { module, readGuestNamed } from '../vmm/lockstep.ts';
import { EXIT, sourceOf } from '../vmm/source.ts';

const OPTIONS = { ramBytes: 2 * 2 ** 20 };

interface Where {
  readonly text: string;
  readonly symbol: string | undefined;
  /** Registers, flags and the like that differ. */
  readonly names: readonly string[];
}

function compare(text: string, cpu: FullTechnique, every?: number): ComparedRun {
  const { boot } = sourceOf(text);
  const setup = { module, boot, options: OPTIONS, now: () => performance.now() };
  const { runs } = compareGuest(setup, { techniques: [cpu], ...(every && { every }) });
  return runs[0]!;
}

/** Where `text` first differs under trap, and what of it was hidden before. */
function find(text: string): { visible: Where | undefined; hidden: Where | undefined } {
  const { symbols } = sourceOf(text);
  const { divergence, hidden } = compare(text, 'trap');
  const where = (found: ComparedRun['divergence']): Where | undefined =>
    found && {
      text: found.instruction.text,
      symbol: symbols.name(found.instruction.rip),
      names: found.differences.map(({ name }) => name),
    };
  return { visible: where(divergence), hidden: where(hidden) };
}

describe('what neither traps nor works at CPL 3', () => {
  test('STR', () => {
    const { visible } = find(`nop\nstr ax\nlater: nop${EXIT}`);
    expect(visible).toEqual({ text: 'str ax', symbol: undefined, names: ['rax'] });
  });

  test('SGDT', () => {
    const { visible } = find(`nop\nhere: sgdt [0x90000]${EXIT}`);
    expect(visible?.text).toBe('sgdt [0x90000]');
    expect(visible?.symbol).toBe('here');
    expect(new Set(visible?.names)).toEqual(new Set(['byte']));
  });

  test('a selector counts when it is read', () => {
    const { visible } = find(`nop\nread: mov eax, cs${EXIT}`);
    expect(visible).toEqual({ text: 'mov eax,cs', symbol: 'read', names: ['rax'] });
  });

  test('IF, which the guest reads', () => {
    const { visible } = find(`nop\nread: pushfq${EXIT}`);
    expect(visible).toEqual({ text: 'pushfq', symbol: 'read', names: ['byte'] });
  });

  test('IF that POPF loses is hidden', () => {
    const { visible, hidden } = find(
      `push 0x202\nlost: popfq\nmov ecx, 5000\nwait: loop wait${EXIT}`,
    );
    expect(visible).toBeUndefined();
    expect(hidden).toEqual({ text: 'popfq', symbol: 'lost', names: ['IF'] });
  });
});

test('a kernel that does not read any of it is the same', () => {
  const run = compare(`mov ecx, 5000\nwait: loop wait\ncli${EXIT}`, 'trap');
  expect(run.divergence).toBeUndefined();
  expect(run.hidden).toBeUndefined();
  expect(run.same).toEqual({ output: true, end: true, memory: true });
  expect(run.ended).toBe('exit with status 1');
  expect(run.directShare).toBeGreaterThan(0.99);
  expect(run.exits.map(({ reason }) => reason)).toContain('IO_INSTRUCTION');
});

test('what is read, and forgotten at once', () => {
  const text = `mov ecx, 5000000\nwait: loop wait\nhere: str ax\nxor eax, eax\nmov ecx, 5000000\nmore: loop more${EXIT}`;
  const { visible } = find(text);
  expect(visible).toEqual({ text: 'str ax', symbol: 'here', names: ['rax'] });
});

test('what one execution of many reads, and forgets', () => {
  const turn = 'mov ecx, 64\nturn: sub ecx, 1\nstr ax';
  const text = `mov ax, 0\n${turn}\nxor eax, eax\ntest ecx, ecx\njnz turn${EXIT}`;
  expect(find(text).visible).toEqual({ text: 'str ax', symbol: 'turn+0x3', names: ['rax'] });
});

test('all is the same under interpret', () => {
  const run = compare(
    `str ax\nsgdt [0x8000]\nmov bx, cs\npush 0x202\npopfq\npushfq${EXIT}`,
    'interpret',
  );
  expect(run.divergence).toBeUndefined();
  expect(run.same).toEqual({ output: true, end: true, memory: true });
});

test('tens of millions of instructions in', () => {
  const text = `mov ecx, 20_000_000\nwait: loop wait\nhere: smsw eax\nmov ecx, 20_000_000\nmore: loop more${EXIT}`;
  const { visible } = find(text.replaceAll('_', ''));
  expect(visible).toEqual({ text: 'smsw eax', symbol: 'here', names: ['rax'] });
});

test('programs see the VMM under interpret too: guests/check-privilege', () => {
  const { image, symbols } = readGuestNamed('check-privilege');
  const boot = ({ machine }: Parameters<ReturnType<typeof sourceOf>['boot']>[0]): void =>
    void loadImage(machine, image);
  const setup = { module, boot, options: {}, now: () => performance.now() };
  const { runs } = compareGuest(setup, { techniques: ['interpret', 'trap'] });
  for (const { divergence, same } of runs) {
    expect(divergence?.instruction.text).toMatch(/^sgdt /);
    expect(symbols.name(divergence?.instruction.rip ?? 0n)).toBe('sgdt_user.body');
    expect(divergence?.instruction.cpl).toBe(3);
    expect(same.end).toBe(true);
    expect(same.output).toBe(false);
  }
});
