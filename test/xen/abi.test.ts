/** Every constant and every structure of src/xen is what Xen's headers say (abi.txt, by test/interop/xen-abi.c). */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Structure } from '../../src/xen/structure.ts';

const XEN = new URL('../../src/xen/', import.meta.url);
/** They hold no part of the ABI. */
const MECHANISM = ['structure.ts', 'names.ts', 'pv-kernel.ts'];
/** What precedes the names of a table in the headers, where it is not the name of the table. */
const PREFIXES: Readonly<Record<string, string>> = { HYPERVISOR: '__HYPERVISOR_', ERRNO: 'XEN_' };
/** The headers describe these in words or as bytes of an assembler. */
const IN_WORDS = ['START_INFO_MAGIC', 'XEN_EMULATE_PREFIX'];

type AnyStructure = Structure<Structure<never>['fields']>;

const isStructure = (value: object): value is AnyStructure => 'fields' in value;

/** Offset and size of each field; those of unions and structures without a name follow them. */
function* fieldLines({ fields, offsets }: AnyStructure, path: string, base = 0): Generator<string> {
  for (const [name, field] of Object.entries<object & { size: number }>(fields)) {
    const offset = base + (offsets[name] ?? Number.NaN);
    yield `${path}.${name} ${offset} ${field.size}`;
    if (isStructure(field) && field.name === '')
      yield* fieldLines(field, `${path}.${name}`, offset);
  }
}

function* linesOf(name: string, value: unknown): Generator<string> {
  if (typeof value === 'number' || typeof value === 'bigint') {
    yield `${name} ${Number(value) === 0 ? '0' : `0x${value.toString(16)}`}`;
  } else if (typeof value === 'object' && value !== null && isStructure(value)) {
    yield `struct ${value.name} ${value.size}`;
    yield* fieldLines(value, `struct ${value.name}`);
  } else if (typeof value === 'object' && value !== null) {
    const prefix = PREFIXES[name] ?? `${name}_`;
    for (const [key, constant] of Object.entries(value)) yield* linesOf(prefix + key, constant);
  }
}

const files = readdirSync(XEN).filter((name) => !MECHANISM.includes(name));
const headers = readFileSync(new URL('abi.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n');
const seen = new Set<string>();

describe('as in the headers', () => {
  test.each(files)('%s', async (file) => {
    const module: Record<string, unknown> = await import(new URL(file, XEN).href);
    const exported = Object.entries(module).filter(([name]) => !IN_WORDS.includes(name));
    const lines = exported.flatMap(([name, value]) => [...linesOf(name, value)]);
    for (const line of lines) seen.add(line);
    expect(lines.filter((line) => !headers.includes(line))).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  });

  test('all that the program asks for', () => {
    expect(headers.filter((line) => !seen.has(line))).toEqual([]);
  });
});
