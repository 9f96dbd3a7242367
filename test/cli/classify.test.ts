/** classify and explain at the command line. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderWith, trapline } from './command-line.ts';

const file = (name: string, text: string): string => join(folderWith({ [name]: text }), name);

describe('explain', () => {
  it('shows two runs side by side', () => {
    const { status, stdout } = trapline(['explain', 'popfq']);
    expect(status).toBe(0);
    expect(stdout).toContain('control-sensitive');
    expect(stdout).toMatch(/IF +0x[01] -> 0x[01] +0x[01]\n/);
    expect(stdout).toContain('at CPL 3 it leaves it as it was');
  });

  it('knows a privileged instruction', () => {
    expect(trapline(['explain', 'hlt', '--mode', 'prot32']).stdout).toContain('traps: #GP(0)');
  });

  it('prints a guest that compare tells the difference with', () => {
    const { stdout } = trapline(['explain', 'smsw', '--asm', '--mode', 'long64']);
    const source = file('smsw.asm', stdout);
    const compared = trapline(['compare', source, '--cpu', 'trap,patch']);
    expect(compared.status).toBe(1);
    expect(compared.stdout).toMatch(/trap +no .*exit with status 1/);
    expect(compared.stdout).toMatch(/patch +yes .*exit with status 1/);
    expect(compared.stdout).toMatch(/\(CPL 0\): smsw/);
  });
});

describe('classify', () => {
  it('gives the same with one thread and with two', () => {
    const args = ['classify', '--mode', 'prot32', '--states', '3', '--json'];
    const [one, two] = ['1', '2'].map((threads) => trapline([...args, '--threads', threads]));
    expect(one!.status).toBe(0);
    expect(JSON.parse(one!.stdout)).toEqual(JSON.parse(two!.stdout));
  });

  it('tells what UMIP changes', () => {
    const { stdout } = trapline([
      'classify',
      '--mode',
      'long64',
      '--states',
      '10',
      '--diff',
      'x86',
      'umip',
    ]);
    const forms = stdout.split('\n').filter((line) => line.endsWith('privileged'));
    const names = forms.map((line) => line.split(' ')[0]);
    expect(new Set(names)).toEqual(new Set(['sgdt', 'sidt', 'sldt', 'str', 'smsw']));
  });
});

describe('classify --techniques', () => {
  const tell = (...args: string[]) =>
    trapline(['classify', '--techniques', ...args, '--mode', 'long64', '--states', '20']);

  it('shows that sensitive instructions differ under trap and not under patch', () => {
    const { status, stdout } = tell('popfq,smsw');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^popfq +same +differs +same PATCHED +IF 0x[01], trap 0x[01]$/m);
    expect(stdout).toMatch(/^smsw r32m16 +same +differs +same PATCHED /m);
    expect(stdout).toContain('forms that differ, interpret: 0, trap: 4, patch: 0');
  });

  it('has nothing to run of privileged ones', () => {
    const { stdout } = tell('hlt', '--json');
    expect(JSON.parse(stdout)).toEqual([{ mode: 'long64', forms: [] }]);
  });
});

describe('bad input', () => {
  const bad = (name: string, text: string): string[] => ['--variant', file(name, text)];
  it.each([
    [['explain', 'nosuch'], "there is no instruction 'nosuch'"],
    [['explain'], 'a mnemonic is needed'],
    [['explain', 'into', '--mode', 'long64'], "there is no instruction 'into' in long64"],
    [['explain', 'add', '--asm'], 'there is nothing to show'],
    [['classify', '--variant', 'vtx'], 'needs VT-x'],
    [['classify', '--variant', 'nosuch'], "'nosuch' is not one of"],
    [['classify', '--variant', 'nosuch.json'], 'nosuch.json'],
    [['classify', '--mode', 'real16'], "'real16' is not one of"],
    [['classify', '--states', '0'], 'not a positive integer'],
    [['classify', '--variant', 'umip', '--diff', 'x86', 'umip'], 'leave --variant out'],
    [['classify', '--diff', 'x86'], 'diff'],
    [['classify', '--techniques', 'popfq,nosuch'], "there is no instruction 'nosuch'"],
    [['classify', '--techniques', '--variant', 'umip'], 'leave --variant and --diff out'],
    [['classify', ...bad('a.json', '{')], 'a.json'],
    [['classify', ...bad('b.json', '[]')], 'is an object'],
    [['classify', ...bad('c.json', '{"chnages":[]}')], 'unknown key "chnages"'],
    [
      ['classify', ...bad('d.json', '{"changes":[{"rows":"popfx","silent":true}]}')],
      'no instruction is "popfx"',
    ],
    [['classify', ...bad('e.json', '{"changes":[{"rows":"hlt"}]}')], 'is needed'],
    [
      ['classify', ...bad('f.json', '{"changes":[{"rows":"hlt","quiet":true}]}')],
      'unknown key "quiet"',
    ],
    [['classify', ...bad('g.json', '{"controls":["CR4.NOSUCH=1"]}')], 'unknown control'],
  ])('%j', (args, message) => {
    const { status, stdout, stderr } = trapline(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});
