/**
 * A machine of a dozen instructions in the way of Popek and Goldberg's: memory behind a relocation register, two registers,
 * a timer. Its variants differ in which instructions trap in user mode.
 */

import type { RandomSource } from '../../src/isa/random.ts';
import {
  type MachineUnderTest,
  MODE,
  type Outcome,
  type Situation,
} from '../../src/virtualizability/machine-under-test.ts';

const CELLS = 16;
const WINDOW = 8;

interface ToyState {
  user: boolean;
  a: number;
  pc: number;
  base: number;
  timer: number;
  halted: boolean;
  readonly memory: number[];
}

type Instruction = (state: ToyState, operand: number) => Outcome | undefined;

const done = undefined;

/** Those that no variant lets trap, and those that some do. */
const INSTRUCTIONS: Readonly<Record<string, Instruction>> = {
  nop: () => done,
  load: (state, at) => reach(state, at, (cell) => (state.a = state.memory[cell] ?? 0)),
  store: (state, at) => reach(state, at, (cell) => (state.memory[cell] = state.a)),
  add: (state, n) => set(state, state.a + n),
  negate: (state) => set(state, -state.a),
  jump: (state, to) => {
    state.pc = to;
    return done;
  },
  call: (state, to) => {
    state.a = state.pc + 1;
    state.pc = to;
    return done;
  },
  setbase: (state, n) => {
    state.base = n % WINDOW;
    return done;
  },
  settimer: (state, n) => {
    state.timer = n;
    return done;
  },
  readtimer: (state) => set(state, state.timer),
  readbase: (state) => set(state, state.base),
  halt: (state) => {
    state.halted = true;
    return done;
  },
  /** As JRST 1 of the PDP-10: to user mode, at the address given. */
  jrst1: (state, to) => {
    state.user = true;
    state.pc = to;
    return done;
  },
};

function set(state: ToyState, value: number): undefined {
  state.a = value & 0xffff;
  return done;
}

function reach(state: ToyState, at: number, use: (cell: number) => void): Outcome | undefined {
  if (at >= WINDOW) return 'memory fault';
  use(state.base + at);
  return done;
}

/** Instructions that trap in user mode. */
export const SOUND = ['setbase', 'settimer', 'readtimer', 'readbase', 'halt', 'jrst1'];

export class ToyMachine implements MachineUnderTest {
  readonly name = 'toy';
  readonly forms = Object.keys(INSTRUCTIONS).map((mnemonic) => ({ mnemonic, text: mnemonic }));
  readonly resources = ['location', 'timer'];
  readonly controls = ['no timer'];
  readonly #privileged: readonly string[];
  #drawn = { name: '', operand: 0, a: 0, base: 0, timer: 0, cells: [] as number[] };
  #controls: readonly string[] = [];
  #before = '';
  #state: ToyState = this.#build('user', []);

  constructor(privileged: readonly string[]) {
    this.#privileged = privileged;
  }

  draw(form: number, random: RandomSource): boolean {
    this.#drawn = {
      name: this.forms[form]!.mnemonic,
      operand: random(WINDOW + 2),
      a: random(0x10000),
      base: random(WINDOW),
      timer: random(100),
      cells: Array.from({ length: WINDOW }, () => random(0x10000)),
    };
    return true;
  }

  reset({ mode, varied, controls }: Situation): void {
    this.#controls = controls;
    this.#state = this.#build(mode, varied);
    this.#before = this.#resources();
  }

  execute(): Outcome {
    const { name, operand } = this.#drawn;
    const { user } = this.#state;
    if (user && this.#privileged.includes(name)) return 'trap';
    if (name === 'readtimer' && this.#controls.includes('no timer')) return 'trap';
    this.#state.pc = 1;
    return INSTRUCTIONS[name]!(this.#state, operand) ?? 'completed';
  }

  changed(): readonly string[] {
    const names = [MODE, 'location', 'timer', 'activity'];
    const before = this.#before.split(' ');
    return names.filter((_, n) => this.#resources().split(' ')[n] !== before[n]);
  }

  result(): string {
    const { a, pc, base, memory } = this.#state;
    return [a, pc, ...memory.slice(base, base + WINDOW)].join(' ');
  }

  weight(): number {
    return this.#drawn.operand;
  }

  /** Where it is moved to, it has the same bytes at the same addresses. */
  #build(mode: Situation['mode'], varied: readonly string[]): ToyState {
    const { a, base, timer, cells } = this.#drawn;
    const moved = varied.includes('location') ? (base + 1) % WINDOW : base;
    const memory = Array.from({ length: CELLS }, () => 0);
    memory.splice(moved, cells.length, ...cells);
    const shown = varied.includes('timer') ? timer + 1 : timer;
    return { user: mode === 'user', a, pc: 0, base: moved, timer: shown, halted: false, memory };
  }

  #resources(): string {
    const { user, base, timer, halted } = this.#state;
    return [user, base, timer, halted].join(' ');
  }
}
