/** `run` with several VMs: their output by name, their statuses, their statistics, and what is refused. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { folderWith, MAIN, trapline } from './command-line.ts';

const START = 'bits 64\norg 0x100000\n';
const say = (text: string): string =>
  [...text].map((c) => `mov al, ${c.charCodeAt(0)}\nout 0xe9, al\n`).join('');
const exit = (value: number): string => `mov al, ${value}\nout 0xf4, al\n`;
const echo = `mov dx, 0x3fd
poll: in al, dx
test al, 1
jz poll
mov dx, 0x3f8
in al, dx
out 0xe9, al
`;

const folder = folderWith({
  'exit.asm': `${START}mov al, VALUE\nout 0xf4, al\n`,
  'good.asm': `${START}${say('one\ntwo\n')}${exit(0)}`,
  'open.asm': `${START}${say('no end')}${exit(0)}`,
  'bad.asm': `${START}${say('bad\n')}${exit(1)}`,
  'triple.asm': `${START}${say('last words\n')}xor rsp, rsp\nud2\n`,
  'endless.asm': `${START}${say('on\n')}jmp $\n`,
  'tables.asm': `${START}mov rdi, cr3\nmov ecx, 512\nmov rax, -1\nrep stosq\nmov cr3, rbx\njmp $\n`,
  'echo.asm': `${START}${echo}${exit(0)}`,
  'vms.json': JSON.stringify({
    vms: [
      { image: 'good.asm', name: 'a', cpu: 'trap', ram: 8, weight: 2 },
      { image: 'echo.asm', cpu: 'trap', 'fw-cfg': ['opt/x,string=1', 'opt/y,string=2'] },
    ],
    input: 'vm2',
  }),
  'y.txt': 'y',
  'z.txt': 'z',
  'list.json': '[]',
  'empty.json': '{"vms": []}',
  'typo.json': '{"vms": [{"image": "good.asm", "wait": 2}]}',
  'broken.json': '{"vms": [',
});

const run = (...args: string[]) => trapline(['run', ...args], '', folder);

test('whole lines with the name of their VM', () => {
  const { status, stdout } = run('--cpu', 'trap', '--vm', 'good.asm,name=a', '--vm', 'open.asm');
  expect(stdout.split('\n').sort()).toEqual(['', 'a| one', 'a| two', 'vm2| no end']);
  expect(status).toBe(1);
});

test('a file of VMs, and stdin for one of them', () => {
  const { status, stdout } = trapline(['run', '--config', 'vms.json'], 'x', folder);
  expect(stdout.split('\n').sort()).toEqual(['', 'a| one', 'a| two', 'vm2| x']);
  expect(status).toBe(1);
});

test('input from files', () => {
  const vms = ['y.txt', 'z.txt'].flatMap((file) => ['--vm', `echo.asm,stdin=${file}`]);
  const { status, stdout } = trapline(
    ['run', '--cpu', 'trap', ...vms, '--vm', 'echo.asm'],
    'x',
    folder,
  );
  expect(stdout.split('\n').sort()).toEqual(['', 'vm1| y', 'vm2| z', 'vm3| x']);
  expect(status).toBe(1);
});

test('leaving them all', async () => {
  const vms = ['a', 'b'].flatMap((name) => ['--vm', `endless.asm,name=${name}`]);
  const child = spawn(process.execPath, [MAIN, 'run', '--cpu', 'trap', ...vms], { cwd: folder });
  let stderr = '';
  child.stderr.on('data', (bytes) => {
    stderr += bytes;
  });
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [status] = await once(child, 'close');
  expect(status).toBe(4);
  for (const name of ['a', 'b']) expect(stderr).toContain(`trapline: ${name}: left by SIGINT at`);
});

test('an end is told while others run', async () => {
  const vms = ['--vm', 'endless.asm,name=a', '--vm', 'triple.asm,name=b'];
  const child = spawn(process.execPath, [MAIN, 'run', '--cpu', 'trap', ...vms], { cwd: folder });
  const [message] = await once(child.stderr, 'data');
  expect(String(message)).toMatch(/^trapline: b: triple fault at/);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([4, null]);
});

describe('a VM that ends alone', () => {
  test.each([
    ['bad.asm', 3, /^$/],
    ['triple.asm', 4, /^trapline: x: triple fault at 0008:/],
    ['endless.asm,max-instructions=100000', 4, /^trapline: x: the instruction limit was reached/],
    ['tables.asm', 4, /^trapline: x: triple fault at 0008:/],
  ])('%s', (vm, expected, message) => {
    const args = [
      '--cpu',
      'trap',
      '--ram',
      '4M',
      '--vm',
      'good.asm,name=a',
      '--vm',
      `${vm},name=x`,
    ];
    const { status, stdout, stderr } = run(...args, '--vm', 'good.asm,name=z');
    expect(status).toBe(expected);
    expect(stderr).toMatch(message);
    for (const line of ['a| one', 'a| two', 'z| one', 'z| two']) expect(stdout).toContain(line);
  });
});

test('statistics of each and of all', () => {
  const vms = ['--vm', 'good.asm,name=a', '--vm', 'good.asm,name=b'];
  const { stderr } = run('--cpu', 'trap', ...vms, '--stats', '--json');
  const { vms: reported, shadow } = JSON.parse(stderr);
  expect(reported.map(({ name }: { name: string }) => name)).toEqual(['a', 'b']);
  expect(shadow.bootRoots).toBe(2);
  const text = run('--cpu', 'trap', ...vms, '--stats').stderr;
  for (const head of ['a:', 'b:', 'all VMs:']) expect(text.split('\n')).toContain(head);
});

test('a guest can have 2 GiB under a VMM', () => {
  expect(run('good.asm', '--cpu', 'trap', '--ram', '2G').status).toBe(1);
});

test('a key may be the long name of an option', () => {
  expect(run('--vm', 'exit.asm,define=VALUE=3').status).toBe(7);
  expect(run('--vm', 'exit.asm,D=VALUE=3').status).toBe(7);
});

// biome-ignore format: one case per line.
test.each<[args: string[], message: string]>([
  [['--vm', 'bad.asm', '--vm', 'good.asm,cpu=bare'],        'cpu=bare: such a guest has the machine for itself'],
  [['--vm', 'good.asm,cpu=quick'],                          "--cpu: 'quick' is not one of"],
  [['--vm', 'good.asm,colour=red'],                         "--vm 'good.asm,colour=red': unknown key 'colour'"],
  [['--vm', 'good.asm,dram=seed'],                          "unknown key 'dram'"],
  [['--vm', 'good.asm,stats=1'],                            "unknown key 'stats'"],
  [['--vm', 'good.asm,trap'],                               "'trap' is not KEY=VALUE"],
  [['--vm', 'name=a'],                                      'an image is needed'],
  [['--vm', 'good.asm,ram=1M,ram=2M'],                      'ram is given more than once'],
  [['--vm', 'good.asm,weight=0'],                           'weight must be a whole number from 1 to 1000'],
  [['--vm', 'good.asm,name=a b'],                           "'a b' is no name for a VM"],
  [['--vm', 'good.asm,name=a', '--vm', 'bad.asm,name=a'],   "two VMs have the name 'a'"],
  [['--vm', 'missing.asm'],                                 'missing.asm'],
  [['--vm', 'good.asm', '--input', 'b'],                    "--input: 'b' is none of the VMs vm1"],
  [['--vm', 'good.asm,name=a,stdin=y.txt', '--input', 'a'], '--input: a has its input from a file'],
  [['--vm', 'good.asm,stdin=none.txt'],                     'none.txt'],
  [['--vm', 'good.asm', '--display', 'text'],               '--display: the VMs would have to share it'],
  [['good.asm', '--vm', 'good.asm'],                        'good.asm: with --vm or --config, each image is that of a VM'],
  [['good.asm', '--input', 'a'],                            '--input is for runs with --vm or --config'],
  [['--vm', 'good.asm,ram=2G', '--vm', 'good.asm,ram=1M'],  'all VMs together can have 2 GiB of memory'],
  [['--vm', 'good.asm,ram=2G', '--vm', 'good.asm,ram=2G'],  'there is no memory for a machine of 4385 MiB'],
  [['good.asm', '--json'],                                  '--json is for the report of --stats'],
  [['--config', 'empty.json'],                              'empty.json: the list "vms" is empty'],
  [['--config', 'none.json'],                               'none.json'],
  [['--config', 'list.json'],                               'list.json: it must be an object with a list "vms"'],
  [['--config', 'typo.json'],                               "typo.json: VM 1: unknown key 'wait'"],
  [['--config', 'broken.json'],                             'broken.json: no JSON'],
])('%j', (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect(stderr).toContain(message);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  expect([status, stdout]).toEqual([2, '']);
});
