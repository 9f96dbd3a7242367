import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../src/assembler/assemble.ts';

const s64 = (x: bigint): bigint => BigInt.asIntN(64, x);
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);
const truth = (x: boolean): bigint => (x ? 1n : 0n);

type Operation = (x: bigint, y: bigint) => bigint;

/** Operators, loosest first, each level with what it computes. */
const LEVELS: readonly Readonly<Record<string, Operation>>[] = [
  { '||': (x, y) => truth(x !== 0n || y !== 0n) },
  { '^^': (x, y) => truth((x !== 0n) !== (y !== 0n)) },
  { '&&': (x, y) => truth(x !== 0n && y !== 0n) },
  {
    '==': (x, y) => truth(x === y),
    '!=': (x, y) => truth(x !== y),
    '=': (x, y) => truth(x === y),
    '<>': (x, y) => truth(x !== y),
  },
  { '|': (x, y) => x | y },
  { '^': (x, y) => x ^ y },
  { '&': (x, y) => x & y },
  {
    '<<': (x, y) => x << (y & 63n),
    '<<<': (x, y) => x << (y & 63n),
    '>>': (x, y) => u64(x) >> (y & 63n),
    '>>>': (x, y) => x >> (y & 63n),
  },
  { '+': (x, y) => x + y, '-': (x, y) => x - y },
  { '*': (x, y) => x * y },
];

interface Sample {
  readonly text: string;
  readonly value: bigint;
}

const number = fc
  .oneof(fc.bigInt({ min: 0n, max: 70n }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }))
  .chain((n) =>
    fc
      .constantFrom(
        String(n),
        `0x${n.toString(16)}`,
        `0${n.toString(16)}h`,
        `${n.toString(8)}q`,
        `0b${n.toString(2)}`,
      )
      .map((text): Sample => ({ text, value: s64(n) })),
  );

/** Expressions of one precedence level, built from those that bind tighter: no needless parentheses. */
const levels: fc.Arbitrary<Sample>[] = [];
const primary: fc.Arbitrary<Sample> = fc.oneof(
  { weight: 6, arbitrary: number },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.constantFrom('-', '~', '!', '+'), fc.memo(() => number)(1)).map(
      ([sign, { text, value }]): Sample => ({
        text: `${sign}${text}`,
        value: unary(sign, value),
      }),
    ),
  },
);

function unary(sign: string, value: bigint): bigint {
  if (sign === '-') return s64(-value);
  if (sign === '~') return s64(~value);
  return sign === '!' ? truth(value === 0n) : value;
}

function atLevel(level: number): fc.Arbitrary<Sample> {
  const known = levels[level];
  if (known) return known;
  const operations = LEVELS[level];
  if (!operations) return primary;
  const tighter = atLevel(level + 1);
  const rest = fc.array(fc.tuple(fc.constantFrom(...Object.keys(operations)), tighter), {
    maxLength: 1,
  });
  const made = fc.tuple(tighter, rest).map(([first, more]) =>
    more.reduce<Sample>(
      (left, [operator, right]) => ({
        text: `${left.text} ${operator} ${right.text}`,
        value: s64((operations[operator] as Operation)(left.value, right.value)),
      }),
      first,
    ),
  );
  levels[level] = made;
  return made;
}

function evaluated(text: string): bigint {
  const { bytes } = assemble(`dq ${text}\n`, { file: 'x.asm' });
  return new DataView(bytes.buffer).getBigInt64(0, true);
}

describe('expressions', () => {
  it('compute as 64-bit integers, with the precedence of NASM', () => {
    fc.assert(
      fc.property(atLevel(0), ({ text, value }) => {
        expect(evaluated(text)).toBe(value);
      }),
      { numRuns: 300 },
    );
  });

  it('divide signed and unsigned', () => {
    const operand = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n });
    fc.assert(
      fc.property(
        operand,
        operand.filter((n) => n !== 0n),
        (x, y) => {
          expect(evaluated(`(${x}) / (${y})`)).toBe(s64(u64(x) / u64(y)));
          expect(evaluated(`(${x}) // (${y})`)).toBe(s64(x / y));
          expect(evaluated(`(${x}) % (${y})`)).toBe(s64(u64(x) % u64(y)));
          expect(evaluated(`(${x}) %% (${y})`)).toBe(s64(x % y));
        },
      ),
    );
  });

  it('choose', () => {
    expect(evaluated('0 ? 1 : 2 ? 3 : 4')).toBe(3n);
    expect(evaluated('1 ? 5 : 6 + 1')).toBe(5n);
  });
});
