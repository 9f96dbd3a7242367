/**
 * A local APIC in xAPIC mode (SDM 3A chapter 10 Advanced Programmable Interrupt Controller): registers
 * in the page that IA32_APIC_BASE names, acceptance of interrupts, errors. Priorities are in
 * apic-requests.ts, destinations in apic-identity.ts, what it sends in interrupt-command.ts, its own sources in
 * local-vector-table.ts, its timer in local-apic-timer.ts.
 *
 * The 8259 pair comes in at LINT0. With the APIC off, LINT0 and LINT1 are the INTR and NMI pins of the
 * processor; with it on, an LVT entry in ExtINT mode lets the 8259 through, before all priorities.
 *
 * A register is 32 bits in the first four bytes of 16. Reads of one or two of these bytes work, writes
 * of less than 32 bits are ignored; the other twelve bytes read 0 (SDM 3A 10.4.1 leaves both open).
 *
 * DIVERGES: pins carry "asserted", not a voltage, so the polarity bits hold what was written and mean
 * nothing, as in QEMU. There is no SMM: SMIs go nowhere. x2APIC mode is absent.
 */
import { checkVersion } from '../base/state.ts';
import type { MmioDevice } from '../machine/bus.ts';
import type { Clock } from '../machine/clock.ts';
import { IrqLine } from '../machine/irq.ts';
import { type ApicBus, type ApicMessage, type ApicTarget, Delivery } from './apic-bus.ts';
import { ApicIdentity, type ApicIdentityState } from './apic-identity.ts';
import { ApicRequests, type ApicRequestsState } from './apic-requests.ts';
import { InterruptCommand, type InterruptCommandState } from './interrupt-command.ts';
import * as Apic from './local-apic-registers.ts';
import { Lvt } from './local-apic-registers.ts';
import { LocalApicTimer, type LocalApicTimerState } from './local-apic-timer.ts';
import { LocalVectorTable, type LocalVectorTableState } from './local-vector-table.ts';

/** The processor that a local APIC belongs to. */
export interface ApicProcessor {
  setInterruptLine(level: boolean): void;
  raiseNmi(): void;
  /** CR8, which shows bits 7:4 of TPR. */
  taskPriority: number;
  /** IA32_TSC_DEADLINE. */
  tscDeadline: bigint;
  readonly tsc: bigint;
}

/** What a local APIC is wired to. */
export interface LocalApicDeps {
  /** The APIC ID after power-on. */
  readonly id: number;
  readonly clock: Clock;
  readonly processor: ApicProcessor;
  readonly bus: ApicBus;
  /** Acknowledges the 8259 pair: gives its vector. */
  readonly acknowledgePic: () => number;
  /** An INIT: resets the processor. */
  readonly init: () => void;
  /** The processor has TSC-deadline mode. */
  readonly hasTscDeadline: boolean;
}

/** State of a local APIC. */
export interface LocalApicState {
  version: 1;
  /** IA32_APIC_BASE.EN. */
  enabled: boolean;
  tpr: number;
  svr: number;
  esr: number;
  /** Errors since the last write to ESR. */
  errors: number;
  /** An ExtINT message waits for its acknowledge. */
  extInt: boolean;
  identity: ApicIdentityState;
  command: InterruptCommandState;
  lvt: LocalVectorTableState;
  requests: ApicRequestsState;
  timer: LocalApicTimerState;
}

type Registers = Omit<LocalApicState, 'identity' | 'command' | 'lvt' | 'requests' | 'timer'>;

/** What power-on gives, and IA32_APIC_BASE.EN off and on (SDM 3A 10.4.7.1). */
const POWER_ON = { tpr: 0, svr: 0xff, esr: 0, errors: 0, extInt: false } as const;

const APIC_BASE_EN = 0x800n;

/** The local APIC of one processor. */
export class LocalApic implements MmioDevice, ApicTarget {
  readonly widestMmio = 4;
  /** The pins LINT0 and LINT1. */
  readonly lint: readonly [IrqLine, IrqLine];
  readonly #deps: LocalApicDeps;
  readonly #state: Registers;
  readonly #identity: ApicIdentity;
  readonly #command: InterruptCommand;
  readonly #lvt: LocalVectorTable;
  readonly #requests: ApicRequests;
  readonly #timer: LocalApicTimer;

  constructor(deps: LocalApicDeps, state?: LocalApicState) {
    const { id, clock, processor, bus, hasTscDeadline } = deps;
    const { identity, command, lvt, requests, timer, ...registers } = state ?? {};
    this.#deps = deps;
    this.#state = { version: 1, enabled: true, ...POWER_ON, ...registers };
    this.#identity = new ApicIdentity(id, identity);
    const illegalVector = () => this.#error(Apic.ESR_SEND_ILLEGAL_VECTOR);
    this.#command = new InterruptCommand({ bus, self: this, illegalVector }, command);
    this.#requests = new ApicRequests(requests);
    const deliver = (message: ApicMessage) => this.accept(message);
    this.#lvt = new LocalVectorTable({ deliver, hasTscDeadline }, lvt);
    const expire = () => this.#timerExpired();
    const timerDeps = { clock, expire, tsc: () => processor.tsc };
    this.#timer = new LocalApicTimer(timerDeps, this.#lvt.entry(Lvt.TIMER), timer);
    this.lint = [
      new IrqLine((level) => this.#setPin(0, level)),
      new IrqLine((level) => this.#setPin(1, level)),
    ];
    bus.join(this);
    this.#update();
  }

  save(): LocalApicState {
    return {
      ...this.#state,
      identity: this.#identity.save(),
      command: this.#command.save(),
      lvt: this.#lvt.save(),
      requests: this.#requests.save(),
      timer: this.#timer.save(),
    };
  }

  static restore(deps: LocalApicDeps, state: LocalApicState): LocalApic {
    checkVersion('local-apic', state, 1);
    return new LocalApic(deps, state);
  }

  /** The processor takes the interrupt that INTR stands for: its vector. Those of the 8259 come first. */
  acknowledge(): number {
    const vector = this.#takeVector();
    this.#update();
    return vector;
  }

  #takeVector(): number {
    if (this.#asksForPic()) {
      this.#state.extInt = false;
      return this.#deps.acknowledgePic();
    }
    const vector = this.#pending();
    if (vector < 0) return this.#state.svr & Apic.SVR_VECTOR_MASK; // it has gone: a spurious one
    this.#requests.serve(vector);
    return vector;
  }

  /** The guest wrote CR8. */
  setTaskPriority(cr8: number): void {
    this.#state.tpr = cr8 << 4;
    this.#update();
  }

  /** The guest wrote IA32_APIC_BASE. */
  setBase(base: bigint): void {
    const enabled = (base & APIC_BASE_EN) !== 0n;
    if (enabled === this.#state.enabled) return;
    Object.assign(this.#state, POWER_ON, { enabled });
    this.#identity.reset();
    this.#command.reset();
    this.#requests.clear();
    this.#lvt.reset();
    this.#timer.reset(this.#lvt.entry(Lvt.TIMER));
    this.#show();
    this.#update();
  }

  /** The guest wrote IA32_TSC_DEADLINE. */
  setDeadline(tsc: bigint): void {
    this.#timer.deadline = tsc;
    this.#show();
  }

  /** The guest wrote the TSC. */
  tscWritten(): void {
    this.#timer.tscWritten();
  }

  /** LINT0 would raise an interrupt that RFLAGS.IF does not hold off. */
  get passesIf(): boolean {
    return this.#lvt.passesIf;
  }

  isNamedBy(destination: number, logical: boolean): boolean {
    return this.#state.enabled && this.#identity.isNamedBy(destination, logical);
  }

  get processorPriority(): number {
    return this.#requests.processorPriority(this.#state.tpr);
  }

  accept({ mode, vector, level }: ApicMessage): boolean {
    switch (mode) {
      case Delivery.FIXED:
      case Delivery.LOWEST_PRIORITY:
        return this.#request(vector, level);
      case Delivery.NMI:
        this.#deps.processor.raiseNmi();
        return true;
      case Delivery.INIT:
        this.#deps.init();
        return true;
      case Delivery.EXTINT:
        this.#state.extInt = true;
        this.#update();
        return true;
      default: // SMI; STARTUP, which only a processor after an INIT waits for
        return true;
    }
  }

  readMmio(offset: number, size: number): bigint {
    const byte = offset % Apic.APIC_REGISTER_BYTES;
    const value = BigInt(this.#read(offset - byte) >>> 0);
    return BigInt.asUintN(size * 8, value >> BigInt(byte * 8));
  }

  writeMmio(offset: number, size: number, value: bigint): void {
    if (size < 4 || offset % Apic.APIC_REGISTER_BYTES !== 0) return;
    this.#write(offset, Number(value));
    this.#show();
    this.#update();
  }

  #read(register: number): number {
    const state = this.#state;
    switch (register) {
      case Apic.APIC_ID:
        return this.#identity.id;
      case Apic.APIC_VERSION:
        return Apic.APIC_VERSION_VALUE;
      case Apic.APIC_TPR:
        return state.tpr;
      case Apic.APIC_APR:
        return this.#requests.arbitrationPriority(state.tpr);
      case Apic.APIC_PPR:
        return this.processorPriority;
      case Apic.APIC_EOI:
      case Apic.APIC_RRD:
        return 0;
      case Apic.APIC_LDR:
        return this.#identity.ldr;
      case Apic.APIC_DFR:
        return this.#identity.dfr;
      case Apic.APIC_SVR:
        return state.svr;
      case Apic.APIC_ESR:
        return state.esr;
      case Apic.APIC_ICR_LOW:
        return this.#command.low;
      case Apic.APIC_ICR_HIGH:
        return this.#command.high;
      case Apic.APIC_TIMER_INITIAL:
        return this.#timer.initialCount;
      case Apic.APIC_TIMER_CURRENT:
        return this.#timer.currentCount;
      case Apic.APIC_TIMER_DIVIDE:
        return this.#timer.divide;
      default:
        return this.#readBank(register) ?? this.#illegalRegister();
    }
  }

  /** Registers that there are several of. */
  #readBank(register: number): number | undefined {
    const lvt = lvtIndex(register);
    if (lvt !== undefined) return this.#lvt.entry(lvt);
    const word = (register & 0x7f) / Apic.APIC_REGISTER_BYTES;
    switch (register & ~0x7f) {
      case Apic.APIC_ISR:
        return this.#requests.isr.word(word);
      case Apic.APIC_TMR:
        return this.#requests.tmr.word(word);
      case Apic.APIC_IRR:
        return this.#requests.irr.word(word);
      default:
        return undefined;
    }
  }

  #write(register: number, value: number): void {
    const state = this.#state;
    switch (register) {
      case Apic.APIC_ID:
        this.#identity.id = value;
        break;
      case Apic.APIC_TPR:
        state.tpr = value & 0xff;
        break;
      case Apic.APIC_EOI:
        this.#endInterrupt();
        break;
      case Apic.APIC_LDR:
        this.#identity.ldr = value;
        break;
      case Apic.APIC_DFR:
        this.#identity.dfr = value;
        break;
      case Apic.APIC_SVR:
        this.#writeSvr(value);
        break;
      case Apic.APIC_ESR:
        state.esr = state.errors;
        state.errors = 0;
        break;
      case Apic.APIC_ICR_LOW:
        this.#command.low = value;
        break;
      case Apic.APIC_ICR_HIGH:
        this.#command.high = value;
        break;
      case Apic.APIC_TIMER_INITIAL:
        this.#timer.initialCount = value;
        break;
      case Apic.APIC_TIMER_DIVIDE:
        this.#timer.divide = value;
        break;
      default:
        this.#writeRest(register, value);
    }
  }

  /** LVT entries; read-only registers, which stay as they are; what is no register at all. */
  #writeRest(register: number, value: number): void {
    const lvt = lvtIndex(register);
    if (lvt === undefined) {
      const isReadOnly = READ_ONLY.has(register) || this.#readBank(register) !== undefined;
      if (!isReadOnly) this.#illegalRegister();
      return;
    }
    this.#lvt.write(lvt, value, this.#isSoftwareEnabled);
    if (lvt === Lvt.TIMER) this.#timer.setLvt(this.#lvt.entry(lvt));
  }

  get #isSoftwareEnabled(): boolean {
    return (this.#state.svr & Apic.SVR_ENABLE) !== 0;
  }

  #writeSvr(value: number): void {
    this.#state.svr = value & Apic.SVR_MASK;
    if (this.#isSoftwareEnabled) return;
    this.#lvt.maskAll();
    this.#timer.setLvt(this.#lvt.entry(Lvt.TIMER));
  }

  #endInterrupt(): void {
    const vector = this.#requests.end();
    if (vector < 0 || !this.#requests.tmr.has(vector)) return;
    this.#lvt.end(vector);
    this.#deps.bus.broadcastEoi(vector);
  }

  #request(vector: number, level: boolean): boolean {
    if (!this.#isSoftwareEnabled) return false;
    if (vector < Apic.FIRST_LEGAL_VECTOR) {
      this.#error(Apic.ESR_RECEIVE_ILLEGAL_VECTOR);
      return false;
    }
    this.#requests.request(vector, level);
    this.#update();
    return true;
  }

  #illegalRegister(): number {
    this.#error(Apic.ESR_ILLEGAL_REGISTER);
    return 0;
  }

  /** Notes an error. The first one after a write to ESR raises the error interrupt. */
  #error(bit: number): void {
    const isFirst = this.#state.errors === 0;
    this.#state.errors |= bit;
    if (isFirst) this.#lvt.trigger(Lvt.ERROR);
  }

  #timerExpired(): void {
    this.#show();
    this.#lvt.trigger(Lvt.TIMER);
  }

  #setPin(pin: 0 | 1, level: boolean): void {
    if (level === this.#lvt.pin(pin)) return;
    this.#lvt.setPin(pin, level);
    if (pin === 1 && level && !this.#state.enabled) this.#deps.processor.raiseNmi();
    this.#update();
  }

  /** The vector of the interrupt that is due, -1 if there is none. Software disable holds none back. */
  #pending(): number {
    return this.#requests.pending(this.#state.tpr);
  }

  #asksForPic(): boolean {
    const { enabled, extInt } = this.#state;
    return enabled ? extInt || this.#lvt.asksForPic : this.#lvt.pin(0);
  }

  /** Shows the processor the two registers that it reads without asking. */
  #show(): void {
    const { processor } = this.#deps;
    processor.taskPriority = this.#state.tpr >> 4;
    processor.tscDeadline = this.#timer.deadline;
  }

  #update(): void {
    this.#deps.processor.setInterruptLine(this.#pending() >= 0 || this.#asksForPic());
  }
}

const READ_ONLY: ReadonlySet<number> = new Set([
  Apic.APIC_VERSION,
  Apic.APIC_APR,
  Apic.APIC_PPR,
  Apic.APIC_RRD,
  Apic.APIC_TIMER_CURRENT,
]);

/** The LVT entry that `register` is, if it is one. */
function lvtIndex(register: number): number | undefined {
  const index = (register - Apic.APIC_LVT) / Apic.APIC_REGISTER_BYTES;
  return index >= 0 && index <= Lvt.ERROR ? index : undefined;
}
