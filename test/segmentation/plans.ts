/** The instructions that are tested, how often, and what must have happened in each mode by the end. */

import type fc from 'fast-check';
import type { Direction } from './cases.ts';
import type { Setting } from './descriptors.ts';
import type { Mode } from './machine.ts';
import {
  callFar,
  interrupt,
  jumpFar,
  lar,
  lldt,
  loadFarPointer,
  lsl,
  ltr,
  moveToSegment,
  type Operation,
  popSegment,
  returnFar,
  returnFromInterrupt,
  verr,
  verw,
} from './operations.ts';

export interface Plan {
  readonly name: string;
  readonly operation: (setting: Setting) => fc.Arbitrary<Operation>;
  readonly direction?: Direction;
  /** In each mode. */
  readonly cases: number;
  /** As the model names them. */
  readonly outcomes: (mode: Mode) => readonly string[];
}

interface Outcomes {
  readonly all: readonly string[];
  /** Outside IA-32e mode; in it. */
  readonly protected?: readonly string[];
  readonly long?: readonly string[];
  /** In 32-bit code; in 64-bit code. */
  readonly code32?: readonly string[];
  readonly code64?: readonly string[];
}

const perMode =
  ({ all, protected: legacy = [], long = [], code32 = [], code64 = [] }: Outcomes) =>
  (mode: Mode): string[] => [
    ...all,
    ...(mode === 'protected' ? legacy : long),
    ...(mode === '64-bit' ? code64 : code32),
  ];

const DATA_LOADS = [
  'null',
  'data',
  'code',
  '#GP: beyond the table',
  '#GP: not readable',
  '#GP: DPL below RPL or CPL',
  '#NP: not present',
];
const STACK_LOADS = [
  'stack',
  '#GP: RPL of the stack',
  '#GP: stack not writable',
  '#GP: DPL of the stack',
  '#SS: stack not present',
];
const NO_NULL_STACK = ['#GP: null stack outside 64-bit mode'];
const NULL_STACKS = ['#GP: null stack at CPL 3', '#GP: null stack of another RPL'];

const ANY_LOAD = perMode({
  all: [...DATA_LOADS, ...STACK_LOADS],
  code32: NO_NULL_STACK,
  code64: ['null stack', ...NULL_STACKS],
});
const POP = perMode({
  all: [...DATA_LOADS, '#SS: the frame is outside the stack'],
  code32: [...STACK_LOADS, ...NO_NULL_STACK],
});

const TRANSFERS: Required<Pick<Outcomes, 'all' | 'protected' | 'long'>> = {
  all: [
    'code',
    'conforming code',
    '#GP: null',
    '#GP: beyond the table',
    '#GP: neither code nor gate',
    '#GP: DPL of conforming code',
    '#GP: RPL above CPL',
    '#GP: DPL of code',
    '#NP: not present',
    '#GP: EIP beyond the limit',
    '#GP: DPL of the gate',
    '#NP: gate not present',
    '#GP: null in the gate',
    '#GP: gate to beyond the table',
    '#GP: gate not to code',
    '#GP: DPL of the code behind the gate',
    '#NP: code not present',
  ],
  protected: [
    'gate of 2 bytes',
    'gate of 4 bytes',
    'absent: a task',
    '#GP: DPL of the task',
    '#GP: busy task',
    '#NP: task not present',
    '#NP: task gate not present',
    '#GP: task gate to the LDT',
    '#GP: task gate to beyond the table',
    '#GP: task gate not to a task',
  ],
  long: [
    'gate of 8 bytes',
    '#GP: L and D',
    '#GP: RIP not canonical',
    '#GP: half a gate',
    '#GP: upper type',
    '#GP: gate not to 64-bit code',
  ],
};
const INNER_STACKS = [
  '#TS: null stack in the TSS',
  '#TS: stack beyond the table',
  '#TS: RPL of the inner stack',
  '#TS: DPL of the inner stack',
  '#TS: inner stack not writable',
  '#SS: inner stack not present',
];

const CALL = perMode({
  all: [...TRANSFERS.all, '#SS: no room on the stack', '#TS: stack beyond the TSS'],
  protected: [
    ...TRANSFERS.protected,
    ...INNER_STACKS,
    'inner gate of 2 bytes',
    'inner gate of 2 bytes with parameters',
    'inner gate of 4 bytes',
    'inner gate of 4 bytes with parameters',
    '#SS: the frame is outside the stack',
  ],
  long: [...TRANSFERS.long, 'inner gate of 8 bytes'],
});

const RETURNS = [
  'outer level',
  'outer level, segments dropped',
  '#SS: the frame is outside the stack',
  '#GP: null',
  '#GP: beyond the table',
  '#GP: not code',
  '#GP: RPL below CPL',
  '#GP: DPL of conforming code',
  '#GP: DPL of code',
  '#NP: not present',
  '#GP: EIP beyond the limit',
  ...NO_NULL_STACK,
  '#GP: stack beyond the table',
  '#GP: RPL of the stack',
  '#GP: stack not writable',
  '#GP: DPL of the stack',
];
const LONG_RETURNS = ['#GP: L and D', ...NULL_STACKS];
const RETURN = perMode({
  all: [...RETURNS, 'same level', '#SS: stack not present'],
  long: LONG_RETURNS,
  code64: ['#GP: RIP not canonical'],
});
const INTERRUPT_RETURN = perMode({
  all: [...RETURNS, '#NP: stack not present'],
  protected: [
    'absent: virtual-8086 mode',
    'absent: the previous task',
    '#TS: previous task in the LDT',
    '#TS: previous task beyond the table',
    '#TS: previous task not busy',
    '#NP: previous task not present',
  ],
  long: [...LONG_RETURNS, '#GP: NT in IA-32e mode'],
  code32: ['same level'],
  code64: ['same level with stack', 'same level with null stack', '#GP: RIP not canonical'],
});

const LEGACY_GATES = ['interrupt', 'trap'].flatMap((type) =>
  [
    '2 bytes, same level',
    '2 bytes, inner level',
    '4 bytes, same level',
    '4 bytes, inner level',
  ].map((what) => `${type} gate of ${what}`),
);
const LONG_GATES = ['interrupt', 'trap'].flatMap((type) =>
  ['same level', 'same level, IST', 'inner level', 'inner level, IST'].map(
    (what) => `${type} gate of 8 bytes, ${what}`,
  ),
);
const INTERRUPT = perMode({
  all: [
    '#GP: beyond the IDT',
    '#GP: gate type',
    '#GP: gate DPL',
    '#NP: gate not present',
    '#GP: null in the gate',
    '#GP: gate to beyond the table',
    '#GP: gate not to code',
    '#GP: DPL of the code behind the gate',
    '#NP: code not present',
    '#TS: stack beyond the TSS',
    '#SS: no room on the stack',
  ],
  protected: [
    ...LEGACY_GATES,
    ...INNER_STACKS,
    '#GP: EIP beyond the limit',
    'absent: a task',
    '#GP: busy task',
    '#GP: task gate to the LDT',
    '#GP: task gate not to a task',
  ],
  long: [...LONG_GATES, '#GP: gate not to 64-bit code', '#GP: RIP not canonical'],
});

const VERIFY = ['segment', 'no: none', 'no: type', 'no: DPL', 'no: rights'];
const LAR_LSL = perMode({
  all: ['segment', 'conforming', 'system', 'no: none', 'no: type', 'no: DPL'],
  long: ['no: half', 'no: upper type'],
});

const TABLES = {
  all: [
    'loaded',
    '#GP: CPL',
    '#GP: not in the GDT',
    '#GP: beyond the table',
    '#GP: type',
    '#NP: not present',
  ],
  long: ['#GP: upper type', '#GP: base not canonical'],
};
const LLDT = perMode({ ...TABLES, all: [...TABLES.all, 'null'] });
const LTR = perMode({ ...TABLES, all: [...TABLES.all, '#GP: null'] });

const INWARD = { direction: 'inward' } as const;
const OUTWARD = { direction: 'outward' } as const;

// biome-ignore format: one instruction per line.
export const PLANS: readonly Plan[] = [
  { name: 'mov',      operation: moveToSegment,       cases: 1000, outcomes: ANY_LOAD },
  { name: 'pop',      operation: popSegment,          cases: 1000, outcomes: POP },
  { name: 'lds .. lgs', operation: loadFarPointer,    cases: 1000, outcomes: ANY_LOAD },
  { name: 'jmp far',  operation: jumpFar,             cases: 1500, outcomes: perMode(TRANSFERS) },
  { name: 'call far', operation: callFar,             cases: 2500, outcomes: CALL, ...INWARD },
  { name: 'ret far',  operation: returnFar,           cases: 1500, outcomes: RETURN, ...OUTWARD },
  { name: 'iret',     operation: returnFromInterrupt, cases: 2000, outcomes: INTERRUPT_RETURN, ...OUTWARD },
  { name: 'int',      operation: interrupt,           cases: 2500, outcomes: INTERRUPT, ...INWARD },
  { name: 'lar',      operation: lar,                 cases: 1500, outcomes: LAR_LSL },
  { name: 'lsl',      operation: lsl,                 cases: 1500, outcomes: LAR_LSL },
  { name: 'verr',     operation: verr,                cases: 500,  outcomes: () => [...VERIFY, 'conforming'] },
  { name: 'verw',     operation: verw,                cases: 500,  outcomes: () => VERIFY },
  { name: 'lldt',     operation: lldt,                cases: 1500, outcomes: LLDT },
  { name: 'ltr',      operation: ltr,                 cases: 1500, outcomes: LTR },
];
