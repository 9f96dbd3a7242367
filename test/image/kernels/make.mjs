// node test/image/kernels/make.mjs: builds the kernels beside it with nasm, gcc and ld, and writes to
// expected.json what those that QEMU boots print there. The results are committed: `make test` needs none of these.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const scratch = mkdtempSync(join(tmpdir(), 'trapline-kernels-'));
const run = (program, ...args) => execFileSync(program, args, { cwd: FOLDER, stdio: 'inherit' });
const at = (name) => join(scratch, name);

const LINK = [
  '-n',
  '--build-id=none',
  '-z',
  'noexecstack',
  '--no-warn-rwx-segments',
  '-T',
  'kernel.ld',
];
const HIGHER_HALF = '0xc0000000';

/** A kernel of kernel.c with these headers; ELF64 is made of the linked ELF32 file, as objcopy does. */
function kernel(name, headers, { virtual = '0', bits = 32 } = {}) {
  const defines = headers.flatMap((header) => ['-D', header]);
  run('nasm', '-f', 'elf32', ...defines, 'entry.asm', '-o', at('entry.o'));
  const flags = [
    '-m32',
    '-Os',
    '-ffreestanding',
    '-fno-pic',
    '-fno-stack-protector',
    '-fno-asynchronous-unwind-tables',
  ];
  run('gcc', ...flags, '-mno-sse', '-march=i686', '-c', 'kernel.c', '-o', at('kernel.o'));
  const objects = [at('entry.o'), at('kernel.o')];
  const output = bits === 32 ? `${name}.elf` : at(`${name}.elf`);
  run('ld', '-m', 'elf_i386', ...LINK, `--defsym=VIRTUAL=${virtual}`, ...objects, '-o', output);
  if (bits === 64) run('objcopy', '-O', 'elf64-x86-64', output, `${name}.elf`);
}

function long64(name, virtual) {
  run('nasm', '-f', 'elf64', 'long64.asm', '-o', at('long64.o'));
  run(
    'ld',
    '-m',
    'elf_x86_64',
    ...LINK,
    `--defsym=VIRTUAL=${virtual}`,
    at('long64.o'),
    '-o',
    `${name}.elf`,
  );
}

kernel('multiboot', ['MULTIBOOT']);
kernel('multiboot-high', ['MULTIBOOT', 'HIGH'], { virtual: HIGHER_HALF });
kernel('multiboot64', ['MULTIBOOT'], { bits: 64 });
kernel('pvh', ['PVH']);
kernel('pvh64', ['PVH'], { bits: 64 });
kernel('both', ['MULTIBOOT', 'PVH']);
kernel('multiboot2', ['MULTIBOOT2']);
kernel('plain32', []);
long64('long64', '0');
long64('long64-high', '0xffffffff80000000');

run('nasm', '-f', 'elf64', 'pv.asm', '-o', at('pv.o'));
const PV_LINK = LINK.map((option) => (option === 'kernel.ld' ? 'pv.ld' : option));
run('ld', '-m', 'elf_x86_64', ...PV_LINK, at('pv.o'), '-o', 'pv.elf');

/** What a kernel prints under QEMU with kernel.ld as its module. */
function qemu(name, module) {
  const options = '-accel tcg -m 64 -display none -serial stdio -no-reboot -nic none';
  const exit = ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'];
  const boot = ['-kernel', `${name}.elf`, '-append', 'one two', '-initrd', module];
  const args = [...options.split(' '), ...exit, ...boot];
  const { stdout, status } = spawnSync('qemu-system-x86_64', args, {
    cwd: FOLDER,
    encoding: 'latin1',
  });
  if (status !== 1) throw new Error(`${name}: QEMU ended with ${status}: ${stdout}`);
  return stdout.split('\n');
}

const expected = {};
for (const name of ['multiboot', 'multiboot-high', 'both']) {
  expected[name] = qemu(name, 'kernel.ld with text');
}
for (const name of ['pvh', 'pvh64']) expected[name] = qemu(name, 'kernel.ld');
writeFileSync(join(FOLDER, 'expected.json'), `${JSON.stringify(expected, null, 1)}\n`);
rmSync(scratch, { recursive: true });
