/** Guests of guests/ as PV kernels, each in a domain of its own. */

import { fileURLToPath } from 'node:url';
import { assemble } from '../../../src/assembler/assemble.ts';
import { parseImage } from '../../../src/image/parse.ts';
import type { Machine, RunEnd } from '../../../src/machine/machine.ts';
import { readIncluded } from '../../../src/node/files.ts';
import { readGuest } from '../../../src/node/guest-file.ts';
import { assembledSymbols } from '../../../src/symbols/assembled-symbols.ts';
import type { SymbolTable } from '../../../src/symbols/symbol-table.ts';
import { DomainBoard } from '../../../src/vmm/para/domain-board.ts';
import {
  createVirtualMachines,
  type ParaVirtualMachine,
} from '../../../src/vmm/virtual-machine.ts';
import type { MemoryTechnique, ParaVmOptions } from '../../../src/vmm/vm-options.ts';
import type { PvKernel } from '../../../src/xen/pv-kernel.ts';
import { module } from '../lockstep.ts';

const ROOT = new URL('../../../', import.meta.url);
const INCLUDES = fileURLToPath(new URL('guests/inc/', ROOT));

export const MEMORIES: readonly MemoryTechnique[] = ['direct', 'shadow'];

export interface PvGuest {
  readonly kernel: PvKernel;
  readonly symbols: SymbolTable;
}

/** The guest in `path`, relative to the root of the project. */
export function pvGuest(path: string): PvGuest {
  const name = fileURLToPath(new URL(path, ROOT));
  const { image, symbols } = readGuest(name, {
    format: 'pv',
    defines: { PARA: '' },
    includeDirs: [INCLUDES],
  });
  return { kernel: image.pv!, symbols };
}

/** A kernel that begins at `main`, of the files of guests/inc. */
export function pvSource(body: string): PvGuest {
  const { bytes, symbols } = assemble(`%include "para.inc"\nsection .text\n${body}`, {
    file: 'test.asm',
    includeDirs: [INCLUDES],
    readFile: readIncluded,
  });
  const image = parseImage(bytes, { format: 'pv' });
  return { kernel: image.pv!, symbols: assembledSymbols(symbols) };
}

/** A domain with the guest, at its beginning. */
export class DomainRun {
  readonly vm: ParaVirtualMachine;
  readonly board: DomainBoard;
  output = '';
  readonly #input: Uint8Array | undefined;
  #inputAt = 0;

  constructor(
    { kernel }: PvGuest,
    options: Omit<ParaVmOptions, 'cpu'>,
    input: Uint8Array | undefined = undefined,
  ) {
    const [vm] = createVirtualMachines<ParaVmOptions>(module, [{ ...options, cpu: 'para' }]);
    this.vm = vm!;
    this.board = new DomainBoard(this.vm.machine, this.vm.domain, {
      com1: (byte) => {
        this.output += String.fromCharCode(byte);
      },
    });
    this.#input = input;
    this.board.boot(kernel);
    if (input !== undefined) this.board.com1.openInput();
  }

  get machine(): Machine {
    return this.vm.machine;
  }

  run(): RunEnd {
    for (;;) {
      const end = this.machine.run();
      if (end.kind !== 'input' || this.#input === undefined) return end;
      this.board.com1.supply(this.#input[this.#inputAt++]);
    }
  }
}
