/** Another instruction set, put to the same question. */

import { describe, expect, it } from 'vitest';
import { classify } from '../../src/virtualizability/classify.ts';
import { SOUND, ToyMachine } from './toy-machine.ts';

const STATES = 100;

function judge(privileged: readonly string[]) {
  const { mnemonics, theorems } = classify(new ToyMachine(privileged), { states: STATES });
  const of = (name: string) => mnemonics.find(({ mnemonic }) => mnemonic === name)!;
  return { of, theorems, holds: theorems.map(({ holds }) => holds) };
}

const without = (name: string): string[] => SOUND.filter((one) => one !== name);

describe('a toy instruction set', () => {
  it('is virtualizable where all that is sensitive traps', () => {
    const { of, holds } = judge(SOUND);
    expect(holds).toEqual([true, true, true]);
    for (const name of ['nop', 'load', 'store', 'add', 'negate', 'jump', 'call']) {
      expect(of(name).classes).toEqual(['innocuous']);
    }
    for (const name of SOUND) expect(of(name).classes).toEqual(['privileged']);
    expect(of('setbase').changes).toEqual(['location']);
    expect(of('readtimer').shows).toEqual(['timer']);
  });

  it('is not where user mode sees its relocation register', () => {
    const { of, theorems, holds } = judge(without('readbase'));
    expect(holds).toEqual([false, false, false]);
    expect(theorems[0]!.because).toEqual(['readbase']);
    expect(of('readbase').classes).toEqual(['behaviour-sensitive']);
    expect(of('readbase').shows).toEqual(['location']);
  });

  it('is not where user mode sets it', () => {
    expect(judge(without('setbase')).of('setbase').classes).toContain('control-sensitive');
  });

  it('has a hybrid monitor where only supervisor mode can do harm, as with JRST 1', () => {
    const { of, theorems, holds } = judge(without('jrst1'));
    expect(holds).toEqual([false, false, true]);
    expect(theorems[0]!.because).toEqual(['jrst1']);
    expect(of('jrst1').changes).toEqual(['mode']);
    expect(of('jrst1').isUserSensitive).toBe(false);
  });

  it('tells which control bit would make an instruction trap', () => {
    const { of } = judge(without('readtimer'));
    expect(of('readtimer').classes).toEqual(['behaviour-sensitive']);
    expect(of('readtimer').unless).toEqual(['no timer']);
  });
});
