/** Both APICs on a bus, with a processor that does nothing but show what it is told. */
import { ApicBus } from '../../src/devices/apic-bus.ts';
import { IoApic, type IoApicState } from '../../src/devices/io-apic.ts';
import {
  type ApicProcessor,
  LocalApic,
  type LocalApicState,
} from '../../src/devices/local-apic.ts';
import { Rig } from './rig.ts';

const APIC = 0xfee00000n;
const IO_APIC = 0xfec00000n;
const ENABLE = 0x100;

/** Register offsets of the local APIC. */
export const R = {
  ID: 0x20,
  VERSION: 0x30,
  TPR: 0x80,
  APR: 0x90,
  PPR: 0xa0,
  EOI: 0xb0,
  LDR: 0xd0,
  DFR: 0xe0,
  SVR: 0xf0,
  ISR: 0x100,
  TMR: 0x180,
  IRR: 0x200,
  ESR: 0x280,
  ICR: 0x300,
  ICR_HIGH: 0x310,
  TIMER: 0x320,
  THERMAL: 0x330,
  PERF: 0x340,
  LINT0: 0x350,
  LINT1: 0x360,
  ERROR: 0x370,
  INITIAL: 0x380,
  CURRENT: 0x390,
  DIVIDE: 0x3e0,
} as const;

export const SELF = 0x40000;
export const ALL = 0x80000;
export const OTHERS = 0xc0000;
export const MASKED = 0x10000;
export const LEVEL = 0x8000;

/** What was saved of both. */
export interface ApicStates {
  readonly local: LocalApicState;
  readonly io: IoApicState;
}

export class ApicRig extends Rig implements ApicProcessor {
  intr = false;
  nmiCount = 0;
  initCount = 0;
  taskPriority = 0;
  tscDeadline = 0n;
  tscOffset = 0n;
  /** Vectors that the 8259 will give. */
  picVectors: number[] = [];
  readonly apicBus = new ApicBus();
  readonly apic: LocalApic;
  readonly ioApic: IoApic;

  constructor(saved?: ApicStates, now = 0n) {
    super(now);
    const deps = {
      id: 0,
      clock: this.clock,
      processor: this,
      bus: this.apicBus,
      acknowledgePic: () => this.picVectors.shift() ?? 7,
      init: () => this.initCount++,
      hasTscDeadline: true,
    };
    this.apic = saved ? LocalApic.restore(deps, saved.local) : new LocalApic(deps);
    const io = { bus: this.apicBus };
    this.ioApic = saved ? IoApic.restore(io, saved.io) : new IoApic(io);
    this.bus.mapMmio(APIC, 0x1000n, this.apic);
    this.bus.mapMmio(IO_APIC, 0x1000n, this.ioApic);
  }

  /** An enabled APIC. */
  static enabled(): ApicRig {
    return new ApicRig().set(R.SVR, ENABLE | 0xff);
  }

  save(): ApicStates {
    return { local: this.apic.save(), io: this.ioApic.save() };
  }

  setInterruptLine(level: boolean): void {
    this.intr = level;
  }

  raiseNmi(): void {
    this.nmiCount++;
  }

  get tsc(): bigint {
    return this.now + this.tscOffset;
  }

  get(register: number): number {
    return Number(this.bus.readMmio(APIC + BigInt(register), 4));
  }

  set(register: number, value: number): this {
    this.bus.writeMmio(APIC + BigInt(register), 4, BigInt(value));
    return this;
  }

  /** Sends an interrupt to self. */
  send(...vectors: number[]): this {
    for (const vector of vectors) this.set(R.ICR, SELF | vector);
    return this;
  }

  /** Takes all interrupts that INTR stands for, ending each at once. */
  drain(): number[] {
    const taken: number[] = [];
    while (this.intr && taken.length < 300) {
      taken.push(this.apic.acknowledge());
      this.set(R.EOI, 0);
    }
    return taken;
  }

  /** What ESR has collected. */
  errors(): number {
    return this.set(R.ESR, 0).get(R.ESR);
  }

  wrmsrDeadline(tsc: bigint): this {
    this.tscDeadline = tsc;
    this.apic.setDeadline(tsc);
    return this;
  }

  io(index: number): number {
    this.bus.writeMmio(IO_APIC, 4, BigInt(index));
    return Number(this.bus.readMmio(IO_APIC + 0x10n, 4));
  }

  setIo(index: number, value: number): this {
    this.bus.writeMmio(IO_APIC, 4, BigInt(index));
    this.bus.writeMmio(IO_APIC + 0x10n, 4, BigInt(value));
    return this;
  }

  endIo(vector: number): this {
    this.bus.writeMmio(IO_APIC + 0x40n, 4, BigInt(vector));
    return this;
  }

  /** Writes a redirection entry. */
  redirect(pin: number, low: number, destination = 0): this {
    return this.setIo(0x11 + 2 * pin, destination * 2 ** 24).setIo(0x10 + 2 * pin, low);
  }

  entry(pin: number): number {
    return this.io(0x10 + 2 * pin);
  }

  /** Drives a pin of the I/O APIC. */
  pin(pin: number, ...levels: boolean[]): this {
    for (const level of levels) this.ioApic.line(pin).set(level);
    return this;
  }

  lint(n: 0 | 1, ...levels: boolean[]): this {
    for (const level of levels) this.apic.lint[n].set(level);
    return this;
  }
}
