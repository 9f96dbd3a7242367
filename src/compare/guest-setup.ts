/** What is compared: a guest, with everything that decides what it computes. */

import type { MachineOptions } from '../machine/machine.ts';
import type { Board, BoardOptions } from '../pc/board.ts';
import type { HostTime } from '../vmm/exits/exit-record.ts';
import type { FullVmOptions } from '../vmm/vm-options.ts';

export interface GuestSetup {
  /** The compiled processor (dist/trapline.wasm). */
  readonly module: WebAssembly.Module;
  /** Puts the image into the RAM of a new board. */
  readonly boot: (board: Board) => void;
  readonly options: Pick<
    MachineOptions,
    'ramBytes' | 'features' | 'seed' | 'maxInstructions' | 'dram'
  > &
    Pick<BoardOptions, 'startDate' | 'fwCfgFiles'>;
  /** How the techniques work that look at it. */
  readonly tuning?: Pick<FullVmOptions, 'shadowFill' | 'shadowSync' | 'patchJumps'>;
  /** What comes on COM1, where the guest listens; without it nothing is connected. */
  readonly input?: Uint8Array;
  /** For the reports of what a technique costs. */
  readonly now: HostTime;
}
