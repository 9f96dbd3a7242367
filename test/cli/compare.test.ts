/** `trapline compare` through the command line: what it prints, its exit statuses, and what it refuses. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { folderWith, MAIN, ROOT, trapline } from './command-line.ts';

const START = 'bits 64\norg 0x100000\n';
const EXIT = 'xor eax, eax\nout 0xf4, al\n';

const folder = folderWith({
  'same.asm': `${START}mov al, 'x'\nout 0xe9, al\n${EXIT}`,
  'differs.asm': `${START}nop\nhere: smsw eax\nmov [0x8000], eax\n${EXIT}`,
  'triple.asm': `${START}mov esp, 0x80000\nud2\n`,
  'echo.asm': `${START}mov dx, 0x3fd\npoll: in al, dx\ntest al, 1\njz poll\nmov dx, 0x3f8\nin al, dx\nout 0xe9, al\n${EXIT}`,
  'endless.asm': `${START}jmp $\n`,
  'keys.txt': 'k',
});
const compare = (...args: string[]) => trapline(['compare', ...args, '--ram', '2M'], '', folder);

test('the same everywhere', () => {
  const { status, stdout, stderr } = compare('same.asm');
  expect([status, stderr]).toEqual([0, '']);
  const [head, ...rows] = stdout.split('\n').slice(0, 5);
  expect(head).toMatch(/^ +same +output +end +memory +instructions +direct +slowdown +ended$/);
  expect(rows.map((row) => row.split(/ +/).slice(0, 5).join(' '))).toEqual([
    'bare 4 exit with status',
    'interpret yes same same same',
    'trap yes same same same',
    'patch yes same same same',
  ]);
  expect(stdout).toMatch(/^trap: \d+ exits: .*IO_INSTRUCTION 2/m);
});

test('the first instruction that differs', () => {
  const { status, stdout } = compare('differs.asm', '--cpu', 'patch,trap,trap');
  expect(status).toBe(1);
  expect(stdout).toContain('after instruction 2 at here 0x100001 (CPL 0): smsw eax  [0f01e0]\n');
  expect(stdout).toMatch(/^ {2}rax: bare 0x80000011, trap 0x8\w+$/m);
  expect(stdout.match(/^(trap|patch) +(yes|no)/gm)).toHaveLength(2);
});

test('--json has all of it', () => {
  const { status, stdout } = compare('differs.asm', '--cpu', 'trap', '--json');
  expect(status).toBe(1);
  const { bare, runs } = JSON.parse(stdout);
  const outcome = {
    end: { kind: 'exit', status: 1 },
    ended: 'exit with status 1',
    instructions: 5,
    virtualNs: 5,
    com1: '',
    console: '',
    hostMs: expect.any(Number),
  };
  expect(bare).toEqual({ cpu: 'bare', ...outcome });
  expect(runs).toEqual([
    {
      cpu: 'trap',
      ...outcome,
      same: { output: true, end: true, memory: false },
      directShare: expect.any(Number),
      slowdown: expect.any(Number),
      exits: expect.arrayContaining([
        expect.objectContaining({ reason: 'IO_INSTRUCTION', number: 30, count: 1 }),
      ]),
      divergence: {
        instructions: 1,
        virtualNs: 1,
        isFound: true,
        differences: [
          { kind: 'register', name: 'rax', bare: '0x80000011', other: expect.any(String) },
        ],
        instruction: { rip: '0x100001', cpl: 0, bytes: '0f01e0', text: 'smsw eax', symbol: 'here' },
      },
      hidden: null,
    },
  ]);
});

test('a triple fault is the same end, and an exit', () => {
  const { status, stdout } = compare('triple.asm', '--json');
  expect(status).toBe(0);
  for (const { ended, exits } of JSON.parse(stdout).runs) {
    expect(ended).toBe('triple fault');
    expect(exits).toContainEqual(
      expect.objectContaining({ reason: 'TRIPLE_FAULT', number: 2, count: 1 }),
    );
  }
});

test('input, and a limit', () => {
  const keys = compare('echo.asm', '--cpu', 'trap', '--input', 'keys.txt', '--json');
  expect(JSON.parse(keys.stdout).runs[0]).toMatchObject({ console: 'k', divergence: null });
  const { status, stdout } = compare('endless.asm', '--max-instructions', '100000');
  expect(status).toBe(0);
  expect(stdout.match(/instruction limit$/gm)).toHaveLength(4);
});

test('a reader that goes away, and a signal', async () => {
  const start = (...args: string[]) =>
    spawn(process.execPath, [MAIN, 'compare', ...args], { cwd: folder });
  const quiet = start('same.asm', '--cpu', 'trap');
  quiet.stdout.destroy();
  let stderr = '';
  quiet.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  await once(quiet, 'close');
  expect(stderr).toBe('');
  const endless = start('endless.asm');
  setTimeout(() => endless.kill('SIGINT'), 500);
  expect(await once(endless, 'close')).toEqual([null, 'SIGINT']);
});

// biome-ignore format: one case per line.
test.each<[args: string[], message: string]>([
  [[],                                     'an image is needed'],
  [['same.asm', '--cpu', 'bare'],          '--cpu: bare is what the others are compared with'],
  [['same.asm', '--cpu', 'trap,vmx'],      "--cpu: 'vmx' is not one of interpret, trap, patch"],
  [['same.asm', '--every', '0'],           "--every: '0' is not a positive integer"],
  [['same.asm', '--input', 'none.txt'],    'none.txt: no such file'],
  [['same.asm', '--stats'],                'Unknown argument: stats'],
  [['none.asm'],                           'none.asm'],
])('%j', (args, message) => {
  const { status, stdout, stderr } = compare(...args);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect([status, stdout]).toEqual([2, '']);
});

test('a PV kernel: direct paging and shadow page tables', () => {
  const guest = join(ROOT, 'guests/hello/main.asm');
  const { status, stdout, stderr } = trapline(['compare', guest, '-D', 'PARA', '--cpu', 'para']);
  expect([status, stderr]).toEqual([0, '']);
  const rows = stdout.split('\n').map((row) => row.split(/ +/).join(' '));
  expect(rows[1]).toMatch(/^direct \d+ power off by SCHEDOP_shutdown$/);
  expect(rows[2]).toMatch(/^shadow yes same same same \d+ power off by SCHEDOP_shutdown$/);
  expect(stdout).toMatch(/^direct: \d+ exits: .*VMCALL sched_op \d+/m);
  expect(stdout).toMatch(/^shadow: \d+ exits: .*SHADOW_FILL \d+/m);
});

test('para is compared by itself', () => {
  expect(compare('same.asm', '--cpu', 'trap,para').stderr).toContain('para is compared by itself');
  const memory = compare('same.asm', '--cpu', 'para', '--memory', 'shadow');
  expect([memory.status, memory.stderr]).toEqual([
    2,
    expect.stringContaining('direct is compared with shadow'),
  ]);
});
