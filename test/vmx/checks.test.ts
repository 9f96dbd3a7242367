/** Every row of the table of VM-entry checks: what it asks for, with values that fail it and values that just pass. */

import { beforeAll, describe, expect, it } from 'vitest';
import {
  CHECK_GROUPS,
  type EntryCheck,
  type FieldChange,
  STATE_TERMS,
} from '../../src/vmx/check.ts';
import { ENTRY_CHECKS, entryCheck, explainCheck } from '../../src/vmx/checks.ts';
import { CONTROLS } from '../../src/vmx/controls.ts';
import { VMCS_FIELDS } from '../../src/vmx/fields.ts';
import { VmxRig } from './rig.ts';
import { fill, VALID_VMCS } from './valid-vmcs.ts';

const rig = new VmxRig();
const LMA = 0x400n;
const ERRORS: Readonly<Record<string, number>> = { controls: 7, host: 8 };

beforeAll(() => rig.resetWithVmcs());

/** Id of the first check that fails in the groups up to `last`, or 'none'. */
function failing(change: FieldChange, last: EntryCheck['group']): string {
  const number = last === 'msrLoad' ? loadFails(change) : vmcsFails(change, last);
  return number === 0 ? 'none' : entryCheck(number).id;
}

function vmcsFails(change: FieldChange, last: EntryCheck['group']): number {
  const { processor } = rig;
  fill(rig, change);
  const efer = processor.view.u64('EFER');
  if (change['PROCESSOR_LMA'] === 0n) processor.view.setU64('EFER', efer & ~LMA);
  const current = processor.view.u64('CURRENT_VMCS');
  processor.view.setU64('CURRENT_VMCS', change['CURRENT_VMCS'] ?? current);
  if (change['VMCS_AT'] !== undefined) rig.putRevision(change['VMCS_AT']);
  const groups = ([0, 1, 2] as const).slice(0, CHECK_GROUPS.indexOf(last) + 1);
  const found = groups.map((group) => processor.entryChecks(group)).find((number) => number !== 0);
  processor.view.setU64('EFER', efer);
  processor.view.setU64('CURRENT_VMCS', current);
  return found ?? 0;
}

function loadFails({ MSR_INDEX = 0n, MSR_RESERVED = 0n, MSR_ACCEPTED = 1n }: FieldChange): number {
  return rig.processor.msrLoadCheck(Number(MSR_INDEX), Number(MSR_RESERVED), MSR_ACCEPTED !== 0n);
}

const failingCases = ENTRY_CHECKS.flatMap((check) =>
  check.failing.map((change, n) => ({ id: check.id, n, check, change })),
);
const passingCases = ENTRY_CHECKS.flatMap((check) =>
  check.passing.map((change, n) => ({ id: check.id, n, check, change })),
);

describe('the table of VM-entry checks', () => {
  it('has unique ids, consecutive numbers, and values for both outcomes', () => {
    expect(new Set(ENTRY_CHECKS.map(({ id }) => id)).size).toBe(ENTRY_CHECKS.length);
    expect(ENTRY_CHECKS.map(({ number }) => number)).toEqual(ENTRY_CHECKS.map((_, n) => n + 1));
    const incomplete = ENTRY_CHECKS.filter(
      (row) => row.failing.length === 0 || row.passing.length === 0,
    );
    expect(incomplete.map(({ id }) => id)).toEqual([]);
  });

  it('names fields, except in the MSR-load area, and fields and controls alone in its changes', () => {
    const without = ENTRY_CHECKS.filter(
      ({ fields, group }) => fields.length === 0 && group !== 'msrLoad',
    );
    expect(without.map(({ id }) => id)).toEqual([]);
    const known = new Set<string>([...VMCS_FIELDS, ...CONTROLS].map(({ name }) => name));
    for (const name of STATE_TERMS) known.add(name);
    const changes = ENTRY_CHECKS.flatMap((row) => [...row.failing, ...row.passing]);
    expect(changes.flatMap(Object.keys).filter((name) => !known.has(name))).toEqual([]);
  });

  it('lets the valid VMCS pass', () => {
    expect(failing({}, 'guest')).toBe('none');
  });

  it.each(failingCases)('$id fails ($n)', ({ check, change }) => {
    expect(failing(change, check.group)).toBe(check.id);
  });

  it.each(passingCases)('$id holds ($n)', ({ check, change }) => {
    expect(failing(change, check.group)).toBe('none');
  });
});

describe('PDPTEs without EPT', () => {
  const TABLE = 0x20000;
  const paeGuest = {
    IA_32E_MODE_GUEST: 0n,
    GUEST_CS_ACCESS_RIGHTS: 0xc09bn,
    GUEST_CR3: BigInt(TABLE),
  };

  it.each([0, 1, 2, 3])('entry %i is read from memory', (n) => {
    const { memory } = rig.machine.engine;
    for (const at of [0, 8, 16, 24]) memory.writeU64(TABLE + at, 0x1001n);
    expect(failing(paeGuest, 'guest')).toBe('none');
    memory.writeU64(TABLE + 8 * n, 0x1003n);
    expect(failing(paeGuest, 'guest')).toBe(`guest.pdpte${n}`);
    memory.writeU64(TABLE + 8 * n, 0x1002n);
    expect(failing(paeGuest, 'guest')).toBe('none');
  });
});

describe('VMLAUNCH', () => {
  const byInstruction = failingCases.filter(
    ({ check, change }) => check.group in ERRORS && !('PROCESSOR_LMA' in change),
  );
  it.each(byInstruction)('fails by $id ($n)', ({ check, change }) => {
    fill(rig, change);
    expect(rig.run('vmlaunch')).toBe(ERRORS[check.group]);
    expect(entryCheck(rig.processor.view.u32('FAILED_CHECK')).id).toBe(check.id);
  });
});

describe('explainCheck', () => {
  it('tells section, fields and values, and what would satisfy the check', () => {
    fill(rig, { HOST_CR4: 0x20n });
    rig.run('vmlaunch');
    const check = entryCheck(rig.processor.view.u32('FAILED_CHECK'));
    expect(explainCheck(check, (name) => rig.read(name))).toEqual({
      id: 'host.cr4.fixed',
      title: 'fixed bits of the host CR4',
      section: 'SDM 3C 27.2.2 Checks on Host Control Registers, MSRs, and SSP',
      fields: [{ name: 'HOST_CR4', encoding: 0x6c04, value: 0x20n }],
      sentence: 'HOST_CR4 has VMXE set, and no bit that this processor does not have',
      satisfy: 'copy the CR4 in use; IA32_VMX_CR4_FIXED0 and IA32_VMX_CR4_FIXED1 tell the bits',
    });
  });

  it('names the fields that hold controls', () => {
    const check = ENTRY_CHECKS.find(({ id }) => id === 'controls.vpid');
    expect(check?.fields).toEqual([
      'VIRTUAL_PROCESSOR_IDENTIFIER',
      'SECONDARY_PROCESSOR_BASED_VM_EXECUTION_CONTROLS',
    ]);
    expect(VALID_VMCS['VMCS_LINK_POINTER']).toBeDefined();
  });
});
