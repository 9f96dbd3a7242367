/** Exits in words, for a person. */

import { EVENT_NAMES } from '../base/vector.ts';
import { firstInstruction, instructionSet } from '../disassembler/disassemble.ts';
import { ROWS } from '../isa/table.ts';
import type { ExitAction, ExitRecord } from '../vmm/exits/exit-record.ts';
import { hypercallOf, type Qualification } from '../vmm/exits/qualification.ts';

export const hex = (value: bigint | number): string => `0x${value.toString(16)}`;

const SET = instructionSet(ROWS);

/** The instruction at which the guest stopped, as NASM writes it. */
export function instructionText({ bytes, bits, rip }: ExitRecord): string {
  return firstInstruction(bytes, SET, { mode: bits, origin: rip })?.text ?? '(not mapped)';
}

/** What an exit was about; nothing where the instruction tells all. */
export function qualificationText(qualification: Qualification | undefined): string {
  switch (qualification?.kind) {
    case undefined:
      return '';
    case 'register': {
      const { access, register, gpr, value } = qualification;
      return `${access} ${register} ${gpr}${value === undefined ? '' : ` ${hex(value)}`}`;
    }
    case 'cr0':
      return qualification.access;
    case 'io': {
      const { port, size, direction, isString, isRepeated, value } = qualification;
      const kind = `${isRepeated ? ' rep' : ''}${isString ? ' string' : ''}`;
      return `${direction} port ${hex(port)} size ${size}${kind}${value === undefined ? '' : ` value ${hex(value)}`}`;
    }
    case 'msr': {
      const { msr, value } = qualification;
      return `msr ${hex(msr)}${value === undefined ? '' : ` value ${hex(value)}`}`;
    }
    case 'cpuid':
      return `leaf ${hex(qualification.leaf)} subleaf ${hex(qualification.subleaf)}`;
    case 'hypercall': {
      const { args, list } = qualification;
      const given = args.map((one) => `${one.name}=${one.text}`).join(', ');
      const first = list.length === 0 ? '' : `: ${list.join(', ')}`;
      return `${hypercallOf(qualification)}(${given})${first}`;
    }
    case 'page fault': {
      const { address, error, gpa } = qualification;
      const place = gpa === undefined ? 'not mapped' : `gpa ${hex(gpa)}`;
      return `address ${hex(address)} ${place} error_code ${hex(error)}`;
    }
    case 'event': {
      const { vector, error } = qualification;
      return `${eventName(vector)}${error === undefined ? '' : ` error_code ${hex(error)}`}`;
    }
  }
}

/** What the VMM did. */
export function actionText(action: ExitAction): string {
  switch (action.kind) {
    case 'emulated':
    case 'mapped':
    case 'blocked':
      return action.kind;
    case 'continued':
      return 'continued by another call';
    case 'returned':
      return `returned ${action.error === undefined ? hex(action.result) : `-${action.error}`}`;
    case 'stopped':
      return `stopped${action.why === undefined ? '' : `: ${action.why}`}`;
    case 'forwarded': {
      const { to, access, address, size, value } = action;
      return `${access} ${to} ${hex(address)} size ${size} value ${hex(value)}`;
    }
    case 'injected': {
      if ('callback' in action) return `injected ${action.callback} callback`;
      const { vector, error, isExternal } = action;
      if (isExternal) return `injected interrupt ${hex(vector)}`;
      return `injected ${eventName(vector)}${error === undefined ? '' : ` error_code ${hex(error)}`}`;
    }
  }
}

function eventName(vector: number): string {
  return EVENT_NAMES[vector] ?? `vector ${hex(vector)}`;
}
