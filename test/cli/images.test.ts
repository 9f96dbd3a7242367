/** Kernels for other loaders on the command line: formats, command lines, modules, symbols, disassembly. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, ROOT, trapline } from './command-line.ts';

const KERNELS = join(ROOT, 'test/image/kernels');
const kernel = (name: string): Uint8Array => readFileSync(join(KERNELS, `${name}.elf`));

/** A multiboot kernel that prints its command line and the command line of its first module. */
const MULTIBOOT_SOURCE = `
      bits 32
      org 0x100000
header: dd 0x1badb002, 0x10003, -(0x1badb002 + 0x10003)
      dd header, header, 0, stack_top, start
start: mov esp, stack_top
      mov esi, [ebx + 16]
      call print
      cmp dword [ebx + 20], 0
      je done
      mov edi, [ebx + 24]
      mov esi, [edi + 8]
      call print
done: mov al, 0
      out 0xf4, al
print: lodsb
      out 0xe9, al
      test al, al
      jnz print
      ret
      section .bss
      resb 4096
stack_top:
`;

/** A kernel for a linker: sections, no address fields, no org. It prints its module, which .bss must not reach. */
const LINKED_SOURCE = `
section .multiboot
align 4
      dd 0x1badb002, 3, -(0x1badb002 + 3)
section .bss
align 16
      resb 0x3000
stack_top:
section .rodata
greeting: db "linked ", 0
section .text
global _start:function (print.end - _start)
_start: mov esp, stack_top
      push eax
      mov esi, greeting
      call print
      mov edi, [ebx + 24]
      mov esi, [edi]
      call print
      cmp dword [edi], stack_top
      setb al
      out 0xf4, al
print: lodsb
      test al, al
      jz .done
      out 0xe9, al
      jmp print
.done: ret
.end:
`;

const folder = folderWith({
  'linked.asm': LINKED_SOURCE,
  'no-entry.asm': LINKED_SOURCE.replaceAll('_start', 'begin'),
  'boot.asm': MULTIBOOT_SOURCE,
  'crash.asm': 'bits 64\norg 0x100000\nstart: call inner\nhlt\ninner: nop\nud2\n',
  'flat32.asm': 'bits 32\norg 0x100000\nmov eax, cs\nlsl eax, eax\ninc eax\nout 0xf4, al\n',
  'kernel.elf': kernel('multiboot'),
  'pvh.elf': kernel('pvh'),
  'long64.elf': kernel('long64'),
  initrd: 'data',
  'cut.elf': kernel('multiboot').subarray(0, 1000),
  'bad-symbols.elf': withBadSymbols(kernel('multiboot')),
  'words.txt': 'these are no symbols\n',
});

/** The string table of the symbols is said to be beyond the end. */
function withBadSymbols(elf: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(elf);
  const view = new DataView(bytes.buffer);
  const [shoff, count] = [view.getUint32(32, true), view.getUint16(48, true)];
  view.setUint32(shoff + (count - 2) * 40 + 20, 0x7fffffff, true);
  return bytes;
}

const run = (...args: string[]) => trapline(['run', ...args], '', folder);

describe('run', () => {
  test('boots a source with a multiboot header', () => {
    const { stdout, status } = run('boot.asm', '--append', 'a b', '--module', 'initrd,x,y');
    expect([stdout, status]).toEqual(['boot.asm a b\0initrd x,y\0', 1]);
  });

  test('boots a source that was written for a linker, at 1 MiB and _start', () => {
    const { stdout, status, stderr } = run('linked.asm', '--module', 'initrd');
    expect([stdout, status, stderr]).toEqual(['linked data', 1, '']);
  });

  test('boots its flat binary the same, whose names are others', () => {
    expect(trapline(['asm', 'boot.asm', '-o', 'boot.bin'], '', folder).status).toBe(0);
    expect(run('boot.bin', '--append=-v')).toMatchObject({ stdout: 'boot.bin -v\0', status: 1 });
    expect(run('boot.bin')).toMatchObject({ stdout: 'boot.bin\0', status: 1 });
  });

  test('boots ELF kernels with several modules', () => {
    const modules = ['--module', 'initrd', '--module', 'initrd,second'];
    expect(run('kernel.elf', ...modules).stdout).toContain('module: initrd\n');
    expect(run('kernel.elf', ...modules).stdout).toContain('module: initrd second\n');
    expect(run('pvh.elf', '--append', 'x').stdout).toContain('command line: x\n');
    expect(run('long64.elf')).toMatchObject({ status: 1 });
  });

  test('enters flat images in 32-bit mode with --mode prot32', () => {
    expect(run('flat32.asm', '--mode', 'prot32').status).toBe(1); // the limit is ffffffff
  });

  // biome-ignore format: one case per line.
  test.each<[args: string[], message: string]>([
    [['kernel.elf', '--format', 'coff'],        'kernel.elf: there is no format coff; there are: flat, multiboot, elf, pvh, pv'],
    [['kernel.elf', '--format', 'pvh'],         'kernel.elf: there is no PVH note'],
    [['kernel.elf', '--mode', 'long64'],        'kernel.elf: a multiboot image is entered in prot32, not in long64'],
    [['kernel.elf', '--load-address', '1M'],    "'1M' is not an address"],
    [['kernel.elf', '--load-address', '0'],     'kernel.elf: only flat images are told where they go'],
    [['kernel.elf', '--module', 'nothing'],     'nothing: no such file'],
    [['kernel.elf', '--module', ',text'],       '--module: a file is needed'],
    [['kernel.elf', '--symbols', 'words.txt'],  "words.txt: line 1: 'these are no symbols' is not ADDRESS TYPE NAME"],
    [['kernel.elf', '--symbols', 'cut.elf'],    'cut.elf: at offset'],
    [['long64.elf', '--append', 'x'],           'long64.elf: images of format elf take no command line'],
    [['no-entry.asm'],                          'has no address fields (flag 16), and the source has no label _start or start'],
    [['cut.elf'],                               'cut.elf: at offset 0x'],
    [['kernel.elf', '--ram', '1M'],             '(--ram)'],
  ])('%j is refused in one line', (args, message) => {
    const { status, stdout, stderr } = run(...args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect([status, stdout]).toEqual([2, '']);
  });
});

describe('names in explanations come', () => {
  test('from the source', () => {
    const { stderr, status } = run('crash.asm');
    expect(status).toBe(4);
    expect(stderr).toContain('triple fault at 0008:0000000000100007 (inner+0x1)');
    expect(stderr).toContain('SP+0x00: 0000000000100005 (start+0x5)');
  });

  test('from a list of symbols, for a flat binary', () => {
    trapline(['asm', 'crash.asm', '-o', 'crash.bin'], '', folder);
    writeFileSync(join(folder, 'crash.sym'), '100000 T first\n100006 t second\n');
    const { stderr } = run('crash.bin', '--symbols', 'crash.sym');
    expect(stderr).toContain('(second+0x1)');
    expect(stderr).toContain('(first+0x5)');
    expect(run('crash.bin').stderr).not.toMatch(/\+0x|SP\+/);
  });

  test('from the ELF file', () => {
    expect(run('kernel.elf', '--append', 'crash').stderr).toContain('(crash_inner)');
  });

  test('not from a symbol table that is damaged: then there is a warning', () => {
    const { stderr, status } = run('bad-symbols.elf');
    expect(stderr).toMatch(/^bad-symbols\.elf: warning: no symbols: at offset 0x[0-9a-f]+: .*\n$/);
    expect(status).toBe(1);
  });
});

describe('disasm', () => {
  const disasm = (...args: string[]) => trapline(['disasm', ...args], '', folder);

  test('of an ELF file gives its code with labels, and assembles back', () => {
    const { stdout } = disasm('kernel.elf');
    expect(stdout).toContain('bits 32\n');
    expect(stdout).toContain('_start:\n        mov esp,');
    expect(stdout).toMatch(/call multiboot_main +; 0010001[0-9a-f] e8/);
    writeFileSync(join(folder, 'again.asm'), stdout);
    expect(trapline(['asm', 'again.asm', '-o', 'again.bin'], '', folder).status).toBe(0);
    const elf = Buffer.from(kernel('multiboot'));
    const text = readFileSync(join(folder, 'again.bin'));
    expect(elf.includes(text)).toBe(true);
    expect(text.length).toBeGreaterThan(1000);
  });

  test('has the bits of the ELF file, unless --bits says otherwise', () => {
    expect(disasm('long64.elf').stdout).toContain('bits 64\n');
    expect(disasm('long64.elf', '--bits', '32').stdout).toContain('bits 32\n');
  });

  test('as JSON, by section', () => {
    const [text] = JSON.parse(disasm('long64.elf', '--json').stdout);
    expect(text).toMatchObject({ name: '.text' });
    expect(text.lines[0]).toEqual({
      address: '0x100000',
      bytes: 'bc00000800',
      label: '_start',
      text: 'mov esp,0x80000',
    });
  });

  test('of a flat binary takes labels from --symbols', () => {
    writeFileSync(join(folder, 'two.bin'), Uint8Array.of(0xeb, 0x00, 0xf4));
    writeFileSync(join(folder, 'two.sym'), '100002 T loop\n');
    const { stdout } = disasm('two.bin', '--origin', '0x100000', '--symbols', 'two.sym');
    expect(stdout).toContain('jmp short $loop');
    expect(stdout).toContain('$loop:\n        hlt');
  });

  test.each([
    [['kernel.elf', '--origin', '0'], '--origin is for flat binaries'],
    [['cut.elf'], 'cut.elf: at offset 0x'],
  ])('%j is refused', (args, message) => {
    const { status, stderr } = disasm(...args);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});

test('run --help names the new options', () => {
  const help = execFileSync(process.execPath, [join(ROOT, 'dist/bin/main.js'), 'run', '--help']);
  for (const option of ['--format', '--append', '--module', '--symbols']) {
    expect(help.toString()).toContain(option);
  }
});
