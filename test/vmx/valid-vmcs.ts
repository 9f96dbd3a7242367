/** A VMCS that passes all checks of VM entry: a 64-bit host and a 64-bit guest, at CPL 0 both. */

import { fieldOfControl, isField } from '../../src/vmx/check.ts';
import { CONTROL_FIELDS, CONTROL_KINDS, CONTROLS, trueSettings } from '../../src/vmx/controls.ts';
import type { VmxRig } from './rig.ts';

const CONTROL_VALUES = Object.fromEntries(
  CONTROL_KINDS.map((kind) => [CONTROL_FIELDS[kind], BigInt(trueSettings(kind).required1)]),
);
const DATA_SEGMENTS = ['ES', 'SS', 'DS', 'FS', 'GS'] as const;

export const VALID_VMCS: Readonly<Record<string, bigint>> = {
  ...CONTROL_VALUES,
  VM_EXIT_CONTROLS: (CONTROL_VALUES['VM_EXIT_CONTROLS'] ?? 0n) | (1n << 9n),
  VM_ENTRY_CONTROLS: (CONTROL_VALUES['VM_ENTRY_CONTROLS'] ?? 0n) | (1n << 9n),
  VMCS_LINK_POINTER: 0xffff_ffff_ffff_ffffn,
  HOST_CR0: 0x8000_0031n,
  HOST_CR3: 0x1000n,
  HOST_CR4: 0x2020n,
  HOST_CS_SELECTOR: 8n,
  HOST_SS_SELECTOR: 0x10n,
  HOST_TR_SELECTOR: 0x30n,
  HOST_RIP: 0x10000n,
  GUEST_CR0: 0x8000_0031n,
  GUEST_CR3: 0x1000n,
  GUEST_CR4: 0x2020n,
  GUEST_DR7: 0x400n,
  GUEST_RFLAGS: 2n,
  GUEST_RIP: 0x10000n,
  GUEST_CS_SELECTOR: 8n,
  GUEST_CS_LIMIT: 0xffff_ffffn,
  GUEST_CS_ACCESS_RIGHTS: 0xa09bn,
  ...Object.fromEntries(
    DATA_SEGMENTS.flatMap((name) => [
      [`GUEST_${name}_SELECTOR`, 0x10n],
      [`GUEST_${name}_LIMIT`, 0xffff_ffffn],
      [`GUEST_${name}_ACCESS_RIGHTS`, 0xc093n],
    ]),
  ),
  GUEST_TR_SELECTOR: 0x30n,
  GUEST_TR_LIMIT: 0x67n,
  GUEST_TR_ACCESS_RIGHTS: 0x8bn,
  GUEST_LDTR_ACCESS_RIGHTS: 0x1_0000n,
};

const SECONDARY = CONTROL_FIELDS.secondary;

/** The fields with controls set and cleared as `change` says; what it names and is neither field nor control is left out. */
export function changed(change: Readonly<Record<string, bigint>>): Map<string, bigint> {
  const fields = new Map(Object.entries(VALID_VMCS));
  for (const [name, value] of Object.entries(change)) {
    if (isField(name)) fields.set(name, value);
  }
  for (const { name, bit } of CONTROLS) {
    const wanted = change[name];
    const field = fieldOfControl(name);
    if (wanted === undefined || field === undefined) continue;
    const mask = 1n << BigInt(bit);
    const before = fields.get(field) ?? 0n;
    fields.set(field, wanted === 0n ? before & ~mask : before | mask);
    if (field !== SECONDARY) continue;
    const primary = fields.get(CONTROL_FIELDS.primary) ?? 0n;
    fields.set(CONTROL_FIELDS.primary, primary | (1n << 31n));
  }
  return fields;
}

/** Writes a VMCS that differs by `change` from the valid one into the current one. */
export function fill(rig: VmxRig, change: Readonly<Record<string, bigint>>): void {
  const { view } = rig.processor;
  const start = view.layout('VMCS') + 16;
  new Uint8Array(view.data.buffer, start, view.layout('VMCS_BYTES') - 16).fill(0);
  for (const [name, value] of changed(change)) rig.write(name, value);
}
