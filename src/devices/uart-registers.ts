/**
 * Register bits of the 16550A (National Semiconductor PC16550D data sheet, section 8), with its
 * names.
 */

/** Register offsets. The first two are the divisor latch while LCR.DLAB is set. */
export const UART_RBR_THR = 0;
export const UART_IER = 1;
export const UART_IIR_FCR = 2;
export const UART_LCR = 3;
export const UART_MCR = 4;
export const UART_LSR = 5;
export const UART_MSR = 6;
export const UART_SCR = 7;

export const UART_IER_ERBFI = 0x01; // received data available, character timeout
export const UART_IER_ETBEI = 0x02; // transmitter holding register empty
export const UART_IER_ELSI = 0x04; // receiver line status
export const UART_IER_EDSSI = 0x08; // modem status
export const UART_IER_MASK = 0x0f;

export const UART_IIR_NONE = 0x01; // no interrupt pending
export const UART_IIR_MSI = 0x00; // modem status
export const UART_IIR_THRE = 0x02; // transmitter holding register empty
export const UART_IIR_RDA = 0x04; // received data available
export const UART_IIR_RLS = 0x06; // receiver line status
export const UART_IIR_CTI = 0x0c; // character timeout
export const UART_IIR_FIFO = 0xc0; // FIFOs are on

export const UART_FCR_ENABLE = 0x01; // FIFOs on
export const UART_FCR_CLEAR_RX = 0x02; // empties the receive FIFO
export const UART_FCR_TRIGGER_SHIFT = 6; // receive trigger level: 1, 4, 8, 14

export const UART_LCR_WLS_MASK = 0x03; // word length less 5
export const UART_LCR_STB = 0x04; // 2 stop bits, 1.5 with words of 5
export const UART_LCR_PEN = 0x08; // parity bit
export const UART_LCR_BREAK = 0x40; // send a break
export const UART_LCR_DLAB = 0x80; // divisor latch access

export const UART_MCR_DTR = 0x01; // data terminal ready
export const UART_MCR_RTS = 0x02; // request to send
export const UART_MCR_OUT1 = 0x04; // unused on a PC
export const UART_MCR_OUT2 = 0x08; // lets the interrupt out on many boards
export const UART_MCR_LOOP = 0x10; // loopback
export const UART_MCR_MASK = 0x1f;

export const UART_LSR_DR = 0x01; // data ready
export const UART_LSR_OE = 0x02; // overrun
export const UART_LSR_BI = 0x10; // break
export const UART_LSR_ERROR_MASK = 0x1e; // overrun, parity, framing, break
export const UART_LSR_THRE = 0x20; // transmitter holding register empty
export const UART_LSR_TEMT = 0x40; // transmitter empty
export const UART_LSR_FIFO_ERROR = 0x80; // an error somewhere in the receive FIFO

export const UART_MSR_DCTS = 0x01; // CTS changed
export const UART_MSR_DDSR = 0x02; // DSR changed
export const UART_MSR_TERI = 0x04; // RI fell
export const UART_MSR_DDCD = 0x08; // DCD changed
export const UART_MSR_CTS = 0x10; // clear to send
export const UART_MSR_DSR = 0x20; // data set ready
export const UART_MSR_RI = 0x40; // ring indicator
export const UART_MSR_DCD = 0x80; // data carrier detect
