; hello: the smallest guest. It prints one line on COM1 and ends with status 1 (success).
; Shows: the entry contract (guest.inc) and polled serial output.
; Takes no fault and no interrupt: its only exits are the port accesses of the UART and of port F4h.

%include "../inc/guest.inc"

main:
        print `Hello from 64-bit mode, ring 0.\n`
        ret
