/** The x86 under test, whole or with some of its instructions only. */

import type { Insn } from '../../src/isa/row.ts';
import { ROWS } from '../../src/isa/table.ts';
import { loadProcessorModule } from '../../src/node/index.ts';
import {
  type ClassifyOptions,
  classifyForm,
  type FormReport,
} from '../../src/virtualizability/classify.ts';
import type { X86Mode } from '../../src/virtualizability/x86/modes.ts';
import { type Change, variantRows } from '../../src/virtualizability/x86/variant.ts';
import { X86Machine } from '../../src/virtualizability/x86/x86-machine.ts';

const module = loadProcessorModule();

export function machineOf(mode: X86Mode, changes: readonly Change[] = []): X86Machine {
  return new X86Machine(module, mode, variantRows({ name: 'test', changes, controls: [] }));
}

/** Reports on the forms whose row `isWanted`. */
export function reportsOn(
  machine: X86Machine,
  isWanted: (row: Insn) => boolean,
  options: ClassifyOptions,
): FormReport[] {
  return machine.forms.flatMap(({ row }, form) => {
    const found = ROWS[row];
    return found !== undefined && isWanted(found) ? [classifyForm(machine, form, options)] : [];
  });
}
