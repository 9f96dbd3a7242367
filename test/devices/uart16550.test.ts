import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Uart16550, type Uart16550State } from '../../src/devices/uart16550.ts';
import { IrqLine } from '../../src/machine/irq.ts';
import { Rig } from './rig.ts';

const COM1 = 0x3f8;
const [DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
const FCR = IIR;
const OUT2 = 0x08;
const LOOP = 0x10;
/** Ten bits at 115200 baud. */
const CHAR_NS = 86_805n;

class UartRig extends Rig {
  readonly sent: number[] = [];
  /** How often the interrupt line rose: what an edge-triggered PIC counts. */
  riseCount = 0;
  readonly irq = new IrqLine((level) => {
    if (level) this.riseCount++;
  });
  readonly uart: Uart16550;

  constructor(saved?: Uart16550State, now = 0n) {
    super(now);
    const transmit = (byte: number) => this.sent.push(byte);
    const deps = { clock: this.clock, irq: this.irq, transmit };
    this.uart = saved ? Uart16550.restore(deps, saved) : new Uart16550(deps);
    this.bus.mapPorts(COM1, 8, this.uart);
  }

  get(register: number): number {
    return this.in(COM1 + register);
  }

  set(register: number, value: number): this {
    this.out(COM1 + register, value);
    return this;
  }

  type(text: string): this {
    for (const byte of Buffer.from(text, 'latin1')) this.uart.receive(byte);
    return this;
  }

  chars(count: number): this {
    this.pass(BigInt(count) * CHAR_NS);
    return this;
  }

  /** Reads RBR while LSR shows data. */
  drain(): string {
    let text = '';
    while (this.get(LSR) & 1) text += String.fromCharCode(this.get(DATA));
    return text;
  }
}

const interrupting = (ier: number, fcr = 0) =>
  new UartRig().set(MCR, OUT2).set(FCR, fcr).set(IER, ier);

describe('16550 registers', () => {
  it('come up as the data sheet says', () => {
    const rig = new UartRig();
    expect([IER, IIR, MCR, LSR, MSR].map((register) => rig.get(register))).toEqual([
      0, 1, 0, 0x60, 0xb0,
    ]);
  });

  it('keep the bits they have', () => {
    const rig = new UartRig();
    for (const register of [IER, MCR, SCR, LCR]) rig.set(register, 0xff);
    expect([LCR, MCR, SCR].map((register) => rig.get(register))).toEqual([0xff, 0x1f, 0xff]);
    expect(rig.set(LCR, 0x7f).get(IER)).toBe(0x0f);
  });

  it('show the divisor latch behind DLAB', () => {
    const rig = new UartRig().set(LCR, 0x83).set(DATA, 0x34).set(IER, 0x12);
    expect([rig.get(DATA), rig.get(IER)]).toEqual([0x34, 0x12]);
    rig.set(LCR, 0x03);
    expect([rig.get(DATA), rig.get(IER)]).toEqual([0, 0]);
    expect(rig.sent).toEqual([]);
  });

  it('send bytes of the programmed length', () => {
    const rig = new UartRig()
      .set(DATA, 0xe1)
      .set(LCR, 0x02)
      .set(DATA, 0xe1)
      .set(LCR, 0)
      .set(DATA, 0xe1);
    expect(rig.sent).toEqual([0xe1, 0x61, 0x01]);
    expect(rig.get(LSR)).toBe(0x60);
  });

  it('ignore writes to LSR and MSR', () => {
    const rig = new UartRig().set(LSR, 0xff).set(MSR, 0xff);
    expect([rig.get(LSR), rig.get(MSR)]).toEqual([0x60, 0xb0]);
  });
});

describe('what Linux probes (8250 autoconfig)', () => {
  it('finds IER, scratch and loopback', () => {
    const rig = new UartRig();
    rig.set(IER, 0);
    expect(rig.get(IER) & 0x0f).toBe(0);
    rig.set(IER, 0x0f);
    expect(rig.get(IER) & 0x0f).toBe(0x0f);
    rig.set(IER, 0).set(MCR, LOOP | 0x0a);
    expect(rig.get(MSR) & 0xf0).toBe(0x90);
  });

  it('finds a 16550A by its FIFO bits, and no later kind', () => {
    const rig = new UartRig().set(FCR, 1);
    expect(rig.get(IIR) >> 6).toBe(3);
    rig.set(FCR, 0x21); // a 16750 would need DLAB for this
    expect(rig.get(IIR) & 0x20).toBe(0);
    rig.set(LCR, 0xbf);
    rig.set(FCR, 0x10); // EFR of a 16650
    rig.set(LCR, 0x03).set(FCR, 0);
    expect(rig.get(IIR) >> 6).toBe(0);
  });

  it('measures a FIFO of 16 in loopback', () => {
    const rig = new UartRig().set(FCR, 0x07).set(MCR, LOOP).set(LCR, 0x83).set(DATA, 1).set(IER, 0);
    rig.set(LCR, 0x03);
    for (let i = 0; i < 256; i++) rig.set(DATA, i);
    rig.pass(20_000_000n);
    let count = 0;
    while (rig.get(LSR) & 1 && count < 256) expect(rig.get(DATA)).toBe(count++);
    expect(count).toBe(16);
    expect(rig.sent).toEqual([]);
  });

  it('has neither the THRE nor the TXEN bug', () => {
    const rig = new UartRig().set(MCR, OUT2).set(IER, 2);
    expect(rig.get(IIR) & 1).toBe(0);
    expect(rig.set(IER, 0).set(IER, 2).get(IIR) & 1).toBe(0);
    expect(rig.get(LSR) & 0x40).toBe(0x40);
  });

  it('finds the interrupt by its line', () => {
    const rig = new UartRig().set(MCR, 0x0b).set(IER, 0x0f);
    for (const register of [LSR, DATA, IIR, MSR]) rig.get(register);
    const before = rig.riseCount;
    rig.set(DATA, 0xff);
    expect([rig.irq.level, rig.riseCount]).toEqual([true, before + 1]);
  });
});

describe('THRE interrupt', () => {
  it('comes at once when enabled, and goes by a read of IIR', () => {
    const rig = interrupting(2);
    expect(rig.irq.level).toBe(true);
    expect(rig.get(IIR)).toBe(0x02);
    expect([rig.irq.level, rig.get(IIR)]).toEqual([false, 0x01]);
  });

  it('comes again after each write to THR, as an edge', () => {
    const rig = interrupting(2);
    for (let i = 1; i <= 3; i++) {
      rig.set(DATA, 0x41);
      expect([rig.irq.level, rig.riseCount]).toEqual([true, i + 1]);
    }
    rig.get(IIR);
    rig.set(IER, 2); // already enabled: nothing new
    expect(rig.irq.level).toBe(false);
    expect(rig.set(IER, 0).set(IER, 2).irq.level).toBe(true);
  });

  it('stays when IIR shows another', () => {
    const rig = interrupting(3).type('x').chars(1);
    expect(rig.get(IIR)).toBe(0x04);
    expect(rig.get(IIR)).toBe(0x04);
    rig.get(DATA);
    expect(rig.get(IIR)).toBe(0x02);
  });
});

describe('receiving', () => {
  it('takes no virtual time', () => {
    const rig = new UartRig().type('A');
    expect([rig.get(LSR), rig.get(DATA), rig.get(LSR)]).toEqual([0x61, 0x41, 0x60]);
  });

  it('makes the sender wait while RBR is full', () => {
    const rig = new UartRig().type('abc').chars(100);
    expect(rig.uart.waitingCount).toBe(2);
    expect([rig.get(LSR), rig.get(DATA), rig.get(LSR)]).toEqual([0x61, 0x61, 0x61]);
    expect([rig.get(DATA), rig.get(DATA), rig.get(LSR)]).toEqual([0x62, 0x63, 0x60]);
  });

  it('shows the last character again when none has followed', () => {
    const rig = new UartRig().type('a').chars(1);
    expect([rig.get(DATA), rig.get(LSR), rig.get(DATA)]).toEqual([0x61, 0x60, 0x61]);
  });

  it('interrupts per character without FIFOs, with an edge for each', () => {
    const rig = interrupting(1).type('ab');
    expect([rig.irq.level, rig.riseCount, rig.get(IIR), rig.get(DATA)]).toEqual([true, 1, 4, 0x61]);
    expect([rig.irq.level, rig.riseCount, rig.get(IIR), rig.get(DATA)]).toEqual([true, 2, 4, 0x62]);
    expect([rig.irq.level, rig.riseCount]).toEqual([false, 2]);
  });

  it('loses nothing of a long input, whatever the pace of the reader', () => {
    const text = 'the quick brown fox '.repeat(50);
    fc.assert(
      fc.property(
        fc.array(fc.nat(40), { minLength: 1 }),
        fc.constantFrom(0, 1, 0xc1),
        (pauses, fcr) => {
          const rig = new UartRig().set(FCR, fcr).type(text);
          let seen = '';
          for (let i = 0; seen.length < text.length && i < 5000; i++) {
            seen += rig.chars(1 + (pauses[i % pauses.length] ?? 0)).drain();
            expect(rig.get(LSR) & 2).toBe(0);
          }
          expect(seen).toBe(text);
        },
      ),
      { numRuns: 20 },
    );
  });
});

describe('receive FIFO', () => {
  it('interrupts at the trigger level and below it no more', () => {
    for (const [fcr, level] of [
      [0x01, 1],
      [0x41, 4],
      [0x81, 8],
      [0xc1, 14],
    ] as const) {
      const rig = interrupting(1, fcr).type('0123456789abcdef'.slice(0, level - 1));
      expect(rig.get(IIR)).toBe(0xc1);
      rig.type('x');
      expect([rig.irq.level, rig.get(IIR)]).toEqual([true, 0xc4]);
      rig.get(DATA);
      expect(rig.irq.level).toBe(false);
    }
  });

  it('times out four character times after the last character in or out', () => {
    const rig = interrupting(1, 0xc1).type('ab').chars(3);
    expect(rig.irq.level).toBe(false);
    rig.chars(1);
    expect([rig.irq.level, rig.get(IIR)]).toEqual([true, 0xcc]);
    rig.get(DATA);
    expect([rig.irq.level, rig.get(IIR)]).toEqual([false, 0xc1]);
    rig.pass(4n * CHAR_NS - 1n);
    expect(rig.irq.level).toBe(false);
    rig.pass(1n);
    expect(rig.get(IIR)).toBe(0xcc);
    rig.get(DATA);
    expect(rig.chars(10).get(IIR)).toBe(0xc1);
  });

  it('is emptied by FCR bit 1, and by turning FIFOs on or off', () => {
    for (const fcr of [0x03, 0x00]) {
      const rig = new UartRig().set(FCR, 0x01).type('abc').chars(3).set(FCR, fcr);
      expect(rig.get(LSR)).toBe(0x60);
    }
    const off = new UartRig().type('a').chars(1).set(FCR, 0x02);
    expect(off.drain()).toBe('a'); // without bit 0 the others do nothing
  });

  it('holds 16 and then makes the sender wait', () => {
    const rig = new UartRig().set(FCR, 1).type('0123456789abcdefghij').chars(50);
    expect(rig.uart.waitingCount).toBe(4);
    expect(rig.drain()).toBe('0123456789abcdefghij');
  });
});

describe('line status', () => {
  it('tells an overrun in loopback once: FIFOs keep what they have, RBR does not', () => {
    const fifo = interrupting(4, 1).set(MCR, LOOP);
    for (let i = 0; i < 17; i++) fifo.set(DATA, i);
    expect([fifo.get(IIR), fifo.get(LSR), fifo.get(LSR)]).toEqual([0xc6, 0x63, 0x61]);
    expect(fifo.get(DATA)).toBe(0);
    const plain = new UartRig().set(MCR, LOOP).set(DATA, 1).set(DATA, 2);
    expect([plain.get(LSR), plain.get(DATA)]).toEqual([0x63, 2]);
  });

  it('tells a break with its character, when that is at the top of the FIFO', () => {
    const rig = interrupting(4, 1).type('a');
    rig.uart.receiveBreak();
    rig.chars(2);
    expect([rig.irq.level, rig.get(LSR)]).toEqual([false, 0xe1]);
    rig.get(DATA);
    expect([rig.irq.level, rig.get(IIR), rig.get(LSR), rig.get(LSR)]).toEqual([
      true,
      0xc6,
      0xf1,
      0x61,
    ]);
    expect([rig.get(DATA), rig.get(LSR)]).toEqual([0, 0x60]);
  });

  it('hears its own break in loopback', () => {
    const rig = new UartRig().set(MCR, LOOP).set(LCR, 0x43);
    expect(rig.get(LSR)).toBe(0x71);
  });
});

describe('modem control', () => {
  it('mirrors RTS, DTR, OUT1 and OUT2 in loopback', () => {
    const rig = new UartRig();
    const mirror = [0x02, 0x01, 0x04, 0x08].map((out) => rig.set(MCR, LOOP | out).get(MSR) & 0xf0);
    expect(mirror).toEqual([0x10, 0x20, 0x40, 0x80]);
    expect(rig.set(MCR, 0).get(MSR) & 0xf0).toBe(0xb0);
  });

  it('tells changes once; RI counts when it falls', () => {
    const rig = new UartRig().set(MCR, LOOP);
    expect([rig.get(MSR), rig.get(MSR)]).toEqual([0x0b, 0x00]);
    expect(rig.set(MCR, LOOP | 4).get(MSR)).toBe(0x40);
    expect(rig.set(MCR, LOOP).get(MSR)).toBe(0x04);
    rig.set(IER, 8).set(MCR, LOOP | 1);
    expect([rig.get(IIR), rig.get(MSR), rig.get(IIR)]).toEqual([0x00, 0x22, 0x01]);
  });

  it.each([0, OUT2, LOOP, OUT2 | LOOP])('lets interrupts out with MCR = %i', (mcr) => {
    expect(new UartRig().set(MCR, mcr).set(IER, 2).irq.level).toBe(true);
  });

  it('lets the line wait during loopback', () => {
    const rig = new UartRig().set(FCR, 1).set(MCR, LOOP).type('xy').set(DATA, 0x61);
    expect(rig.chars(9).drain()).toBe('a');
    expect(rig.set(MCR, 0).drain()).toBe('xy');
  });
});

describe('interrupt priorities', () => {
  it('are line status, data, THRE, modem status', () => {
    const rig = interrupting(0, 1).set(MCR, LOOP);
    for (let i = 0; i < 17; i++) rig.set(DATA, i);
    rig.set(IER, 0x0f);
    expect(rig.get(IIR)).toBe(0xc6);
    rig.get(LSR);
    expect(rig.get(IIR)).toBe(0xc4);
    rig.drain();
    expect(rig.get(IIR)).toBe(0xc2);
    expect(rig.get(IIR)).toBe(0xc0);
    rig.get(MSR);
    expect(rig.get(IIR)).toBe(0xc1);
  });
});

describe('UART state', () => {
  it('goes on from where it was saved, with characters in every place', () => {
    fc.assert(
      fc.property(fc.nat(30), fc.constantFrom(0, 1, 0x81), fc.nat(15), (chars, fcr, ier) => {
        const rig = interrupting(ier, fcr)
          .set(SCR, 0x5a)
          .type('hello, world! and more')
          .chars(chars);
        rig.uart.receiveBreak();
        rig.get(IIR);
        rig.pass(1000n);
        const copy = new UartRig(rig.uart.save(), rig.now);
        expect(copy.irq.level).toBe(rig.irq.level);
        for (let i = 0; i < 8; i++) {
          for (const register of [IIR, LSR, DATA, MSR, SCR]) {
            expect(copy.get(register)).toBe(rig.get(register));
          }
          expect(copy.clock.nextDeadline()).toBe(rig.clock.nextDeadline());
          for (const each of [rig, copy]) each.pass(3n * CHAR_NS);
        }
        expect(copy.uart.save()).toEqual(rig.uart.save());
      }),
    );
  });
});
