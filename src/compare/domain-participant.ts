/** One of the domains that run a PV kernel side by side. It cannot go back: whoever wants that makes another one. */

import type { RunEnd } from '../machine/machine.ts';
import type { ExitSink } from '../vmm/exits/exit-record.ts';
import { DomainBoard } from '../vmm/para/domain-board.ts';
import type { PvDomain } from '../vmm/para/pv-domain.ts';
import { createVirtualMachines, type ParaVirtualMachine } from '../vmm/virtual-machine.ts';
import type { MemoryTechnique, ParaVmOptions } from '../vmm/vm-options.ts';
import type { GuestSetup } from './guest-setup.ts';
import type { Sent } from './participant.ts';
import { SentBytes } from './sent-bytes.ts';

/** What is compared: a PV kernel, with everything that decides what it computes. */
export interface DomainSetup extends Omit<GuestSetup, 'boot' | 'tuning'> {
  /** Builds the domain of a new board. */
  readonly boot: (board: DomainBoard) => void;
  /** How shadow page tables are kept. */
  readonly tuning?: Pick<ParaVmOptions, 'shadowFill' | 'shadowSync'>;
}

/** No call is cut in two: how much work one is depends on the technique, and each part takes an instruction. */
const WHOLE_CALLS = Number.POSITIVE_INFINITY;

export class DomainParticipant {
  readonly memory: MemoryTechnique;
  readonly board: DomainBoard;
  readonly domain: PvDomain;
  readonly sent: Sent = { com1: new SentBytes(), console: new SentBytes() };
  readonly #setup: DomainSetup;
  #end: RunEnd | undefined;
  #inputAt = 0;

  constructor(memory: MemoryTechnique, setup: DomainSetup, sink?: ExitSink) {
    const { module, options, tuning, now, input } = setup;
    const { com1, console } = this.sent;
    const vm: ParaVmOptions = {
      ...options,
      ...(memory === 'shadow' && tuning),
      ...(sink && { exits: { sink, now } }),
      cpu: 'para',
      memory,
      sliceEntries: WHOLE_CALLS,
    };
    const [{ machine, domain }] = createVirtualMachines(module, [vm], options) as [
      ParaVirtualMachine,
    ];
    this.memory = memory;
    this.domain = domain;
    this.board = new DomainBoard(machine, domain, {
      ...options,
      com1: (byte) => com1.push(byte),
      console: (byte) => console.push(byte),
    });
    this.#setup = setup;
    setup.boot(this.board);
    if (input !== undefined) this.board.com1.openInput();
  }

  /** Why the run has ended; undefined while it can go on. */
  get end(): RunEnd | undefined {
    return this.#end;
  }

  /** Virtual time in nanoseconds. */
  get time(): bigint {
    return this.board.machine.clock.now();
  }

  /** Runs to virtual time `until`, or to the end of the run. */
  runTo(until: bigint): void {
    while (this.#end === undefined && this.time < until) {
      const end = this.board.machine.runUntil(until);
      if (end?.kind === 'input') this.board.com1.supply(this.#setup.input?.[this.#inputAt++]);
      else this.#end = end;
    }
  }
}
