/** What the commands print, and their exit statuses. */

import { lstatSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, ROOT, trapline } from './command-line.ts';

const HELLO = 'guests/hello/main.asm';
const GREETING = readFileSync(join(ROOT, 'guests/hello/expected.txt'), 'utf8');
const COMMANDS = ['asm', 'disasm', 'isa', 'run', 'trace', 'compare', 'exec', 'bench'];

const guest = (body: string) => folderWith({ 'a.asm': `bits 64\norg 0x100000\n${body}\n` });

describe('help', () => {
  test('lists the commands', () => {
    const { status, stdout } = trapline(['--help']);
    expect(status).toBe(0);
    for (const name of COMMANDS) expect(stdout).toContain(`trapline ${name}`);
  });

  test.each(COMMANDS)('%s --help has an example', (name) => {
    const { status, stdout, stderr } = trapline([name, '--help']);
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(new RegExp(`Examples:\\n.*trapline ${name}`));
  });

  test('the version is that of the package', () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(trapline(['--version']).stdout).toBe(`${version}\n`);
  });
});

describe('run', () => {
  test('hello', () => {
    expect(trapline(['run', HELLO])).toEqual({ status: 1, stdout: GREETING, stderr: '' });
  });

  test.each([
    [0x10, 33],
    [0x7f, 255],
    [0x80, 1],
  ])('status of a write of %i', (value, status) => {
    const folder = guest(`mov al, ${value}\nout 0xf4, al`);
    expect(trapline(['run', 'a.asm'], '', folder).status).toBe(status);
  });

  test('COM1 to a file, port 0xe9 to stdout', () => {
    const folder = guest(
      "mov dx, 0x3f8\nmov al, 'c'\nout dx, al\nmov al, 'e'\nout 0xe9, al\nout 0xf4, al",
    );
    const { stdout } = trapline(['run', 'a.asm', '--serial', 'file:out.txt'], '', folder);
    expect(stdout).toBe('e');
    expect(readFileSync(join(folder, 'out.txt'), 'utf8')).toBe('c');
    expect(trapline(['run', 'a.asm', '--serial', 'null'], '', folder).stdout).toBe('e');
  });

  test('macros from the command line', () => {
    const folder = guest('mov al, V\nout 0xf4, al');
    for (const args of [['-D', 'V=3'], ['-DV=3'], ['--define', 'V=3']]) {
      expect(trapline(['run', 'a.asm', ...args], '', folder).status).toBe(7);
    }
  });

  test('a flat binary at another address', () => {
    const folder = folderWith({ 'a.bin': new Uint8Array([0x90, 0xb0, 5, 0xe6, 0xf4]) });
    const args = ['--load-address', '0x200000', '--entry', '0x200001'];
    expect(trapline(['run', 'a.bin', ...args], '', folder).status).toBe(11);
  });

  test('features of the processor', () => {
    const folder = guest(
      'mov eax, 7\nxor ecx, ecx\ncpuid\nshr ecx, 2\nand ecx, 1\nmov eax, ecx\nout 0xf4, al',
    );
    expect(trapline(['run', 'a.asm'], '', folder).status).toBe(1);
    expect(trapline(['run', 'a.asm', '--machine', '+umip,-smap'], '', folder).status).toBe(3);
  });

  test('statistics as JSON', () => {
    const { stderr } = trapline(['run', HELLO, '--stats', '--json']);
    const statistics = JSON.parse(stderr);
    expect(statistics.instructions).toBeGreaterThan(100);
    expect(statistics.exceptions).toEqual({});
  });

  test('statistics of DRAM', () => {
    const hammer = ['run', 'guests/rowhammer/main.asm', '--dram', 'seed=1', '--stats'];
    expect(trapline(hammer).stderr).toMatch(/^DRAM +rows activated 96\d{4}, bits flipped \d+$/m);
    const { dram } = JSON.parse(trapline([...hammer, '--json']).stderr);
    expect(dram.flips).toBeGreaterThan(0);
  });

  test('input through a pipe', () => {
    const { stdout, status } = trapline(['run', 'guests/interrupts/main.asm'], 'piped.');
    expect(status).toBe(1);
    expect(stdout).toContain('> piped.');
  });
});

describe('abnormal ends', () => {
  test.each([
    ['cli\nhlt', 'halted with no wake-up possible (interrupts are off) at 0008:0000000000100002'],
    ['in al, 0x92\nor al, 1\nout 0x92, al', 'the guest reset the machine through port 0x92'],
    [
      'l: jmp l',
      'the instruction limit was reached at 0008:0000000000100000 (l), after 1000 instructions',
    ],
  ])('%j', (body, message) => {
    const { status, stdout, stderr } = trapline(
      ['run', 'a.asm', '--max-instructions', '1000'],
      '',
      guest(body),
    );
    expect([status, stdout]).toEqual([4, '']);
    expect(stderr).toContain(`trapline: ${message}`);
  });

  test('a triple fault is explained', () => {
    const body = 'mov rbx, 0x7000000000\nfault: mov [rbx], rax';
    const { status, stderr } = trapline(['run', 'a.asm'], '', guest(`bits 64\n${body}`));
    expect(status).toBe(4);
    const lines = stderr.split('\n');
    expect(lines[0]).toContain('triple fault at');
    expect(stderr).toContain('1. #PF(0x0002): supervisor write of a page that is not present');
    expect(stderr).toContain('(fault)');
    expect(stderr).toContain('CR2=0000007000000000');
    expect(stderr).toMatch(/PML4E|PDPTE/);
    expect(stderr).toContain('P=0');
    expect(stderr).toContain('#GP(0x0073): IDT entry 14, EXT, while delivering #PF');
    expect(stderr).toContain('the vector lies beyond the limit of the IDT');
    expect(stderr).toContain('while delivering #DF');
    expect(stderr).toMatch(/^RAX=[0-9a-f]{16} RBX=/m);
    expect(stderr).toMatch(/^CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 \[-RA\]$/m);
  });
});

test('a jump to a page that is not there is a fetch', () => {
  const folder = guest('mov rax, 0x7000000000\njmp rax');
  expect(trapline(['run', 'a.asm'], '', folder).stderr).toContain('supervisor instruction fetch');
});

test('the instruction at RIP is shown', () => {
  expect(trapline(['run', 'a.asm'], '', guest('ud2')).stderr).toMatch(/^CODE=0f 0b {2}ud2$/m);
});

test('an IST gate without a TSS is told of', () => {
  const body = `mov rsp, 0x90000
    lidt [pointer]
    ud2
    pointer: dw 0xfff
    dq idt
    align 16
    idt: times 6 dq 0, 0
    dw 0, 8, 0x8e01, 0x10, 0, 0, 0, 0`;
  const { stderr } = trapline(['run', 'a.asm'], '', guest(body));
  expect(stderr).toContain('TR holds no TSS');
});

describe('asm and disasm', () => {
  test('round trip', () => {
    const folder = guest('start: mov rax, [rel start]\nsyscall\nlea rcx, [rax + rbx * 8 + 4]');
    expect(trapline(['asm', 'a.asm', '-l', 'a.lst'], '', folder)).toMatchObject({
      status: 0,
      stdout: '',
    });
    const text = trapline(['disasm', 'a.bin', '--origin', '0x100000'], '', folder).stdout;
    const again = folderWith({ 'b.asm': text });
    expect(trapline(['asm', 'b.asm', '-ob.out'], '', again).status).toBe(0);
    expect(readFileSync(join(again, 'b.out'))).toEqual(readFileSync(join(folder, 'a.bin')));
    expect(readFileSync(join(folder, 'a.lst'), 'utf8')).toContain('syscall');
  });

  test('an output that is a link stays one', () => {
    const folder = guest('nop');
    writeFileSync(join(folder, 'target'), 'old');
    symlinkSync('target', join(folder, 'link'));
    expect(trapline(['asm', 'a.asm', '-o', 'link'], '', folder).status).toBe(0);
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect([...readFileSync(join(folder, 'target'))]).toEqual([0x90]);
  });

  test('disasm of 32-bit and of 64-bit code', () => {
    const folder = folderWith({ 'a.bin': new Uint8Array([0x40, 0x90]) });
    const text = (bits: string) => trapline(['disasm', 'a.bin', '--bits', bits], '', folder).stdout;
    expect(text('32')).toContain('inc eax');
    expect(text('64')).not.toContain('inc eax');
    expect(text('64')).toContain('90');
  });

  test('bench runs every benchmark that is named', () => {
    const args = ['bench', '--runs', '1', '--quick', '--json', 'syscall', 'bench-int80'];
    const { results } = JSON.parse(trapline(args).stdout);
    expect(results.map(({ name }: { name: string }) => name)).toEqual([
      'bench-syscall',
      'bench-int80',
    ]);
  });

  test('bench --techniques tells exits and time of each operation', () => {
    const args = ['bench', '--techniques', 'bare,trap,para', '--runs', '1', '--quick', '--json'];
    const { results } = JSON.parse(trapline([...args, 'nano-in', 'nano-callret']).stdout);
    const exits = results.map(({ setups }: { setups: { exitsPerOp: number }[] }) =>
      setups.map(({ exitsPerOp }) => Math.round(exitsPerOp)),
    );
    expect(exits).toEqual([
      [0, 1, 1],
      [0, 0, 0],
    ]);
    const { status, stderr } = trapline(['bench', '--techniques', 'magic']);
    expect(status).toBe(2);
    expect(stderr).toContain("--techniques: 'magic' is not one of bare, interpret, trap");
  });

  test('bench --paging tells what batches of entries save in exits', () => {
    const setups = 'bare,direct-1,direct-16,direct-512';
    const args = [
      'bench',
      '--paging',
      setups,
      '--runs',
      '1',
      '--quick',
      '--json',
      'remap',
      'switch',
    ];
    const { results } = JSON.parse(trapline(args).stdout);
    type Cost = { exitsPerOp: number; entriesPerOp?: number };
    const costs = results.map(({ setups }: { setups: Cost[] }) =>
      setups.map(({ exitsPerOp, entriesPerOp = -1 }) => [
        exitsPerOp.toFixed(1),
        entriesPerOp.toFixed(1),
      ]),
    );
    expect(costs).toEqual([
      [
        ['0.0', '-1.0'],
        ['1.0', '1.0'],
        ['0.1', '1.0'],
        ['0.0', '1.0'],
      ],
      [
        ['0.0', '-1.0'],
        ['1.0', '0.0'],
        ['1.0', '0.0'],
        ['1.0', '0.0'],
      ],
    ]);
  });

  test('bench leaves out what a benchmark is not built for', () => {
    const args = [
      'bench',
      '--techniques',
      'bare,para',
      '--runs',
      '1',
      '--quick',
      'nano-cr8wr',
      'nano-in',
    ];
    const { stdout } = trapline(args);
    expect(stdout).toMatch(/\| bench-nano-cr8wr \| cr8-write \| bare \|/);
    expect(stdout.match(/\| para \| 1\.00 \| 0\.00 \|/g)).toHaveLength(1);
  });

  test('isa lists every row', () => {
    const rows = JSON.parse(trapline(['isa', '--json']).stdout);
    const lines = trapline(['isa']).stdout.trimEnd().split('\n');
    expect(lines).toHaveLength(rows.length + 1);
    expect(rows).toContainEqual(
      expect.objectContaining({ text: 'hlt', encoding: 'F4', privilege: 'cpl0' }),
    );
  });

  test('isa --vmx-checks lists every check of VM entry', () => {
    const rows = JSON.parse(trapline(['isa', '--vmx-checks', '--json']).stdout);
    expect(rows).toContainEqual(
      expect.objectContaining({
        id: 'host.cs.null',
        section: '27.2.3 Checks on Host Segment and Descriptor-Table Registers',
        fields: ['HOST_CS_SELECTOR'],
        sentence: 'HOST_CS_SELECTOR is not null',
      }),
    );
    const text = trapline(['isa', '--vmx-checks']).stdout;
    expect(text.match(/^ {2}to satisfy: /gm)).toHaveLength(rows.length);
    expect(text).toContain('\nhost.cs.null: host CS selector\n  HOST_CS_SELECTOR is not null\n');
  });
});

test('exec answers 20,000 lines in a few seconds', () => {
  const line = '{"code":"4801d8","regs":{"rax":"0x1","rbx":"0x2","rip":"0x20000000"}}\n';
  const { stdout } = trapline(['exec'], line.repeat(20_000));
  expect(stdout.split('\n')).toHaveLength(20_001);
});
