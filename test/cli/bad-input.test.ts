/** Bad input gets one clear line, status 2, and leaves nothing behind. */

import { closeSync, existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith, trapline } from './command-line.ts';

const HELLO = 'guests/hello/main.asm';
const PARA = 'guests/para-hello/main.asm';

describe('usage', () => {
  // biome-ignore format: one case per line.
  test.each<[args: string[], message: string]>([
    [[],                                              'a command is needed'],
    [['frobnicate'],                                  "unknown command 'frobnicate'"],
    [['run'],                                         'an image is needed'],
    [['asm'],                                         'a source file is needed'],
    [['run', '--frob', HELLO],                        'Unknown argument: frob'],
    [['asm', '--frob'],                               'Unknown argument: frob'],
    [['run', HELLO, 'more'],                          'Unknown argument: more'],
    [['run', HELLO, '--ram'],                         'Not enough arguments following: ram'],
    [['run', HELLO, '--ram', '3G'],                   '--ram: 3G is out of range'],
    [['run', HELLO, '--ram', '512K'],                 '--ram: 512K is out of range'],
    [['run', HELLO, '--ram', '0'],                    '--ram: 0 is out of range'],
    [['run', HELLO, '--ram', '-1'],                   '--ram'],
    [['run', HELLO, '--ram', 'much'],                 "'much' is not a size"],
    [['run', HELLO, '--max-instructions', '0'],       "'0' is not a positive integer"],
    [['run', HELLO, '--machine', '+warp'],            "unknown feature '+warp'"],
    [['run', HELLO, '--machine', '-warp'],            "unknown feature '-warp'"],
    [['run', HELLO, '--mode', 'real16'],              'there is no mode real16; there are: long64, prot32'],
    [['run', HELLO, '--entry', 'start'],              "'start' is not an address"],
    [['run', HELLO, '--load-address', '0xffffffffff'], 'does not fit into RAM, which ends at 0x4000000: it needs a lower load address (--ram'],
    [['run', HELLO, '--ram', '1M'],                   'does not fit into RAM, which ends at 0x100000: it needs 2M of RAM or a lower load address (--ram, --load-address, or org in a source)'],
    [['run', HELLO, '--serial', 'socket'],            "'socket' is none of stdio, file:PATH, null"],
    [['run', HELLO, '-D', '7=8'],                     "'7=8' is not NAME or NAME=VALUE"],
    [['disasm', HELLO, '--bits', '17'],               'Invalid values'],
    [['disasm', HELLO, '--origin', 'x'],              "'x' is not an address"],
    [['bench', 'nothing'],                            'no such benchmark'],
    [['run', HELLO, '--ram', '64M', '--ram', '128M'], '--ram is given more than once'],
    [['asm', HELLO, '-o', 'a', '-o', 'b'],            '-o is given more than once'],
    [['run', HELLO, '--dram', 'rank=2'],              "--dram: 'rank=2' is not KEY=NUMBER with a key of banks, rows, threshold, seed"],
    [['run', HELLO, '--dram', 'banks=8,rows=x'],      "--dram: 'rows=x' is not KEY=NUMBER"],
    [['run', HELLO, '--dram', 'seed=1,seed=2'],       '--dram: seed is given more than once'],
    [['run', HELLO, '--dram', 'banks=0'],             '--dram: banks must be a whole number from 1 to 64'],
    [['run', HELLO, '--stats=maybe'],                 '--stats takes no value'],
    [['run', PARA, '--cpu', 'para', '--fw-cfg', 'name=opt/x,string=y'], '--fw-cfg: a PV domain has no fw_cfg'],
    [['run', PARA, '--cpu', 'para', '--display', 'text'], '--display: a PV domain has neither'],
    [['run', PARA, '--cpu', 'para', '--module', PARA, '--module', PARA], '--module: a PV kernel takes one'],
    [['run', PARA, '--cpu', 'para', '--module', `${PARA},text`], '--module: that of a PV kernel has no command line'],
    [['run', PARA, '--cpu', 'para', '--machine', '-syscall'], 'hypercalls are SYSCALLs, which the processor has not'],
    [['isa', 'rows'],                                 'Unknown argument: rows'],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = trapline(args);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(stdout).toBe('');
    expect(status).toBe(2);
  });
});

describe('images', () => {
  const folder = folderWith({
    'empty.bin': '',
    'kernel.elf': new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 2, 1]),
    'large.bin': new Uint8Array(2 ** 21),
    'empty.asm': '; nothing\n',
  });

  // biome-ignore format: one case per line.
  test.each<[args: string[], message: string]>([
    [['missing.bin'],                      'missing.bin: no such file'],
    [['missing.asm'],                      'missing.asm: no such file'],
    [['.'],                                '.: is a directory'],
    [['empty.bin'],                        'empty.bin: the image is empty'],
    [['empty.asm'],                        'empty.asm: the image is empty'],
    [['kernel.elf'],                       'kernel.elf: at offset 0x6: the ELF version must be 1, found the end of the file'],
    [['large.bin', '--ram', '2M'],         'large.bin: the image at 0x100000 (2097152 bytes) does not fit into RAM, which ends at 0x200000: it needs 3M of RAM'],
    [['large.bin', '--entry', '1g'],       "'1g' is not an address"],
    [['large.bin', '--load-address', '0'], 'large.bin: the image (0x0 to 0x1fffff) lies in memory that is not free RAM'],
    [['large.bin', '--entry', '0x4000000'], 'large.bin: the entry 0x4000000 lies outside RAM'],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = trapline(['run', ...args, '--serial', 'file:out.txt'], '', folder);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    expect([status, stdout]).toEqual([2, '']);
    expect(existsSync(join(folder, 'out.txt'))).toBe(false);
  });
});

describe('sources', () => {
  const folder = folderWith({
    'syntax.asm': 'bits 64\nmov rax,\nfrob rbx\n',
    'loop.asm': '%rmacro again 0\nagain\n%endmacro\nagain\n',
    'rep.asm': '%rep 1000000000\nnop\n%endrep\n',
    'times.asm': 'times 1000000000000 db 0\n',
    'include.asm': '%include "include.asm"\n',
    'missing.asm': '%include "nowhere.inc"\n',
    'incbin.asm': 'incbin "nowhere.bin"\n',
  });

  test('every error has file, line and column, and the line is shown', () => {
    const { status, stderr } = trapline(['asm', 'syntax.asm'], '', folder);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^syntax\.asm:2(:\d+)?: error: /m);
    expect(stderr).toMatch(/^syntax\.asm:3(:\d+)?: error: /m);
    expect(stderr).toContain('frob rbx');
  });

  test.each(['syntax', 'loop', 'rep', 'times', 'include', 'missing', 'incbin'])(
    '%s.asm',
    (name) => {
      const before = readdirSync(folder).sort();
      const args = [`${name}.asm`, '-o', `${name}.bin`, '-l', `${name}.lst`];
      const { status, stdout, stderr } = trapline(['asm', ...args], '', folder);
      expect(stderr).toMatch(new RegExp(`^${name}\\.asm:\\d+(:\\d+)?: error: `, 'm'));
      expect([status, stdout]).toEqual([2, '']);
      expect(readdirSync(folder).sort()).toEqual(before);
      expect(trapline(['run', `${name}.asm`], '', folder).status).toBe(2);
    },
  );

  test('an output that cannot be written', () => {
    const { status, stderr } = trapline(['asm', HELLO, '-o', '/nowhere/at/all.bin']);
    expect([status, stderr]).toEqual([
      2,
      'trapline: /nowhere/at/all.bin: there is no directory /nowhere/at\n',
    ]);
  });
});

describe('outputs that cannot be written', () => {
  const folder = folderWith({
    'a.asm': 'bits 64\nmov dx, 0x3f8\nmov al, 65\nout dx, al\ncli\nhlt\n',
  });

  test('a listing without a directory leaves no binary behind', () => {
    const { status, stderr } = trapline(['asm', 'a.asm', '-o', 'b', '-l', 'none/l'], '', folder);
    expect([status, stderr]).toEqual([2, 'trapline: none/l: there is no directory none\n']);
    expect(readdirSync(folder)).toEqual(['a.asm']);
  });

  // Linux has a device on which there is never any space.
  test.skipIf(!existsSync('/dev/full'))('COM1 on a full device', () => {
    const args = ['run', 'a.asm', '--serial', 'file:/dev/full'];
    const { status, stderr } = trapline(args, '', folder);
    const message = 'trapline: /dev/full: no space left on the device\n';
    expect([status, stderr]).toEqual([2, message]);
  });

  test.skipIf(!existsSync('/dev/full')).each([['isa'], ['run', 'a.asm']])('%s on it', (...args) => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = trapline(args, '', folder, full);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^trapline: stdout: .*no space left/m);
    closeSync(full);
  });
});

describe('messages', () => {
  test.skipIf(!existsSync('/dev/full'))('that cannot be written leave the status', () => {
    const folder = folderWith({ 'a.asm': 'org 0x100000\nbits 64\ncli\nhlt\n' });
    const full = openSync('/dev/full', 'w');
    expect(trapline(['run', 'a.asm'], '', folder, 'pipe', full).status).toBe(4);
    closeSync(full);
  });

  test('show no control characters of a file', () => {
    const folder = folderWith({ 'a.asm': 'mov \x1b[31m\x9b\n', 'a.map': '\x1b]0;x\x07\n' });
    const source = trapline(['asm', 'a.asm'], '', folder);
    const symbols = trapline(['run', HELLO, '--symbols', join(folder, 'a.map')]);
    for (const { status, stderr } of [source, symbols]) {
      expect(status).toBe(2);
      expect(stderr).toContain('\ufffd');
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/);
    }
  });

  test('a source is not overwritten', () => {
    const folder = folderWith({ 'a.asm': 'nop\n' });
    for (const args of [
      ['-o', 'a.asm'],
      ['-l', './a.asm'],
    ]) {
      const { status, stderr } = trapline(['asm', 'a.asm', ...args], '', folder);
      expect([status, stderr]).toEqual([2, `trapline: ${args[1]} is both input and output\n`]);
    }
    expect(readFileSync(join(folder, 'a.asm'), 'utf8')).toBe('nop\n');
  });
});

describe('exec', () => {
  test('malformed lines are answered, and the rest goes on', () => {
    const good = '{"code":"48ffc0","regs":{"rax":"0x5"}}';
    const bad = ['not json', '[]', '{}', '{"code":"zz"}', '{"code":"90","regs":{"rip":"x"}}', '17'];
    const { status, stdout } = trapline(['exec'], [good, ...bad, '', good].join('\n'));
    const replies = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(status).toBe(0);
    expect(replies).toHaveLength(bad.length + 2);
    for (const reply of replies.slice(1, -1)) expect(Object.keys(reply)).toEqual(['error']);
    expect(replies.at(0).regs.rax).toBe('0x6');
    expect(replies.at(-1)).toEqual(replies[0]);
  });
});
