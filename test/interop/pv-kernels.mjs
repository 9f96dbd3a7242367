// node test/interop/pv-kernels.mjs [FOLDER...]: boots PV kernels that others wrote, as far as they go, and says what they need and do
// not get. They are looked for in the folders, and where Debian's packages put them: grub-xen-host, linux-image-cloud-amd64.
// A vmlinuz is unpacked (apt-get install lz4). Mini-OS and XTF are in no package: build them and name their folder.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TRAPLINE = fileURLToPath(new URL('../../dist/bin/main.js', import.meta.url));
const MAX_INSTRUCTIONS = '3000000000';

/** `reaches`: what the output has to have in it, or why the run has to end; `lacks`: what keeps it from more. */
const KERNELS = [
  {
    name: 'GRUB',
    files: /^grub-x86_64-xen\.bin$/,
    runs: [[]],
    reaches: ['trap 14'],
    lacks: [
      'grant_table_op (setup_table), whose frame it maps without a look at the result',
      'a store',
    ],
  },
  {
    name: 'Linux',
    files: /^vmlinu[xz]/,
    runs: ['96M', '256M', '1G'].map((ram) => [
      '--ram',
      ram,
      '--append',
      'earlyprintk=xen console=hvc0',
    ]),
    reaches: [
      'mapping kernel into physical memory',
      'Hypervisor detected: Xen PV',
      'xen:events: Using 2-level ABI',
      'clocksource: xen:',
      'x86/fpu: Giving up, no FPU found',
      'SHUTDOWN_crash',
    ],
    lacks: ['a processor with FPU and SSE', 'a store, for which it waits after that'],
  },
  { name: 'Mini-OS', files: /^mini-os(\.gz)?$/, runs: [[]], reaches: ['Mini-OS'], lacks: [] },
  {
    name: 'XTF',
    files: /^test-pv64-[^.]+$/,
    runs: [[]],
    reaches: ['Test result: SUCCESS'],
    lacks: [],
  },
];

const folders = [...process.argv.slice(2), '/usr/lib/grub-xen', '/boot'];
const scratch = mkdtempSync(join(tmpdir(), 'pv-'));
let failures = 0;

try {
  for (const kernel of KERNELS) {
    const found = folders.flatMap((folder) => filesOf(folder, kernel.files));
    if (found.length === 0) process.stdout.write(`skip ${kernel.name}: not here\n`);
    for (const file of found) for (const options of kernel.runs) boot(kernel, file, options);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
process.exit(failures === 0 ? 0 : 1);

function filesOf(folder, pattern) {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

function boot({ name, reaches, lacks }, file, options) {
  const image = /vmlinuz/.test(file) ? unpacked(file) : file;
  const args = ['run', '--cpu', 'para', '--format', 'pv', '--max-instructions', MAX_INSTRUCTIONS];
  const { stdout, stderr } = spawnSync(process.execPath, [TRAPLINE, ...args, ...options, image], {
    encoding: 'latin1',
    input: '',
  });
  const missing = reaches.filter((text) => !stdout.includes(text) && !stderr.includes(text));
  if (missing.length > 0) failures += 1;
  process.stdout.write(`${missing.length > 0 ? 'FAIL' : 'ok  '} ${name} ${options.join(' ')}\n`);
  for (const text of missing) process.stdout.write(`     does not come to: ${text}\n`);
  for (const text of lacks) process.stdout.write(`     needs and does not get: ${text}\n`);
}

/** The ELF file within a vmlinuz: the boot protocol's header says where (Linux: Documentation/arch/x86/boot.rst). */
function unpacked(file) {
  const data = readFileSync(file);
  const start = (data.readUInt8(0x1f1) + 1) * 512 + data.readUInt32LE(0x248);
  const packed = join(scratch, 'payload');
  const image = join(scratch, 'vmlinux');
  // Behind it is its length when unpacked.
  writeFileSync(packed, data.subarray(start, start + data.readUInt32LE(0x24c) - 4));
  execFileSync('lz4', ['-d', '-f', '-q', packed, image], { stdio: 'ignore' });
  return image;
}
