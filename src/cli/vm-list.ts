/**
 * The VMs of a run with several: `--vm 'IMAGE,KEY=VALUE,...'`, repeated, or a file of them. A key is an option of `run`
 * that concerns one guest, and what is given beside holds for all VMs that do not say otherwise.
 */

import { MAX_WEIGHT } from '../index.ts';
import { readText } from '../node/index.ts';
import { UsageError } from './usage-error.ts';

/** What is said of one VM: values of options by name. */
export interface VmEntry {
  readonly name: string;
  readonly weight: number;
  /** A file with its input, in place of stdin. */
  readonly stdin: string | undefined;
  readonly options: Readonly<Record<string, string | string[]>>;
}

/** Several VMs, and the name of the one that hears stdin, if one does. */
export interface VmList {
  readonly vms: readonly VmEntry[];
  readonly input: string | undefined;
}

/** An option that a key sets; a key of one with a list may be given more than once. */
export interface VmKey {
  readonly option: string;
  readonly isList: boolean;
}

/** Keys by their name. */
export type VmKeys = ReadonlyMap<string, VmKey>;

/** A VM as it is written: every value of every key in order. */
interface Written {
  readonly where: string;
  readonly values: Map<string, string[]>;
}

/** Keys that are no options. */
const OWN_KEYS: ReadonlySet<string> = new Set(['name', 'weight', 'stdin']);
const NAME = /^[\w.-]+$/;
const ITEM = /^([A-Za-z][\w-]*)=(.*)$/s;

/** The VMs that `--vm` and `--config` name, checked; undefined if there are none. */
export function readVmList(
  texts: readonly string[],
  config: string | undefined,
  input: string | undefined,
  keys: VmKeys,
): VmList | undefined {
  const file = config === undefined ? undefined : readConfig(config);
  const written = [...(file?.vms ?? []), ...texts.map(parseVm)];
  if (config !== undefined && written.length === 0) {
    throw new UsageError(`${config}: the list "vms" is empty`);
  }
  if (written.length === 0) {
    if (input !== undefined) throw new UsageError('--input is for runs with --vm or --config');
    return undefined;
  }
  const vms = written.map((vm, n) => checkVm(vm, n, keys));
  const names = vms.map(({ name }) => name);
  const twice = names.find((name, n) => names.indexOf(name) < n);
  if (twice !== undefined) throw new UsageError(`two VMs have the name '${twice}'`);
  return { vms, input: hearer(vms, input ?? file?.input) };
}

/** Stdin goes to the VM that is named, or to the first without a file of its own. */
function hearer(vms: readonly VmEntry[], named: string | undefined): string | undefined {
  if (named === undefined) return vms.find(({ stdin }) => stdin === undefined)?.name;
  const vm = vms.find(({ name }) => name === named);
  if (vm === undefined) {
    const names = vms.map(({ name }) => name).join(', ');
    throw new UsageError(`--input: '${named}' is none of the VMs ${names}`);
  }
  if (vm.stdin !== undefined) throw new UsageError(`--input: ${named} has its input from a file`);
  return named;
}

/** `IMAGE,KEY=VALUE,...`; a comma within a value is written twice. */
function parseVm(text: string): Written {
  const where = `--vm '${text}'`;
  const items = text.split(/(?<!,),(?!,)/).map((item) => item.replaceAll(',,', ','));
  const values = new Map<string, string[]>();
  items.forEach((item, n) => {
    const [, key, value] = ITEM.exec(item) ?? (n === 0 ? ['', 'image', item] : []);
    if (key === undefined || value === undefined) {
      throw new UsageError(`${where}: '${item}' is not KEY=VALUE`);
    }
    values.set(key, [...(values.get(key) ?? []), value]);
  });
  return { where, values };
}

/** `{"vms": [{"image": "a.asm", "cpu": "trap", "weight": 2, ...}, ...], "input": "a"}`. */
function readConfig(path: string): { vms: Written[]; input: string | undefined } {
  const root = parseJson(path);
  if (!isRecord(root) || !Array.isArray(root['vms'])) {
    throw new UsageError(`${path}: it must be an object with a list "vms"`);
  }
  const { vms, input, ...others } = root;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new UsageError(`${path}: unknown key '${unknown}'`);
  if (input !== undefined && typeof input !== 'string') {
    throw new UsageError(`${path}: "input" must be the name of a VM`);
  }
  const list = root['vms'] as unknown[];
  return { vms: list.map((vm, n) => writtenOf(vm, `${path}: VM ${n + 1}`)), input };
}

function parseJson(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message.replaceAll('\n', ' ') : String(error);
    throw new UsageError(`${path}: no JSON: ${why}`);
  }
}

function writtenOf(vm: unknown, where: string): Written {
  if (!isRecord(vm)) throw new UsageError(`${where} must be an object`);
  const values = new Map<string, string[]>();
  for (const [key, value] of Object.entries(vm)) {
    const list = Array.isArray(value) ? value : [value];
    if (list.some((item) => typeof item !== 'string' && typeof item !== 'number')) {
      throw new UsageError(`${where}: ${key} must be a string, a number or a list of them`);
    }
    values.set(key, list.map(String));
  }
  return { where, values };
}

function checkVm({ where, values }: Written, n: number, keys: VmKeys): VmEntry {
  const options: Record<string, string | string[]> = {};
  for (const [name, given] of values) {
    const [value = '', second] = given;
    const key = keys.get(name);
    if (key?.isList) options[key.option] = [...(options[key.option] ?? []), ...given];
    else if (second !== undefined) {
      throw new UsageError(`${where}: ${name} is given more than once`);
    } else if (key !== undefined) options[key.option] = value;
    else if (!OWN_KEYS.has(name)) {
      throw new UsageError(`${where}: unknown key '${name}'`);
    }
  }
  if (!options['image']) throw new UsageError(`${where}: an image is needed`);
  const name = values.get('name')?.[0] ?? `vm${n + 1}`;
  if (!NAME.test(name)) throw new UsageError(`${where}: '${name}' is no name for a VM`);
  const weight = Number(values.get('weight')?.[0] ?? 1);
  if (!Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT) {
    throw new UsageError(`${where}: weight must be a whole number from 1 to ${MAX_WEIGHT}`);
  }
  return { name, weight, stdin: values.get('stdin')?.[0], options };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
