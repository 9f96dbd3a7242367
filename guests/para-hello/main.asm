; para-hello: the smallest guest for Xen's PV ABI. It prints by console_io and by the ring of its console what its start
; info says, and ends by sched_op.
; Shows: the entry contract of a PV kernel (para.inc), hypercalls, the start info.
; Takes no fault and no interrupt: its only exits are the hypercalls.

; differs(bochs): * - it is no Xen
; differs(qemu): * - it is no Xen

%include "../inc/para.inc"

        section .data
hello:  db `Hello by console_io.\n`
hello_end:

        section .text
main:
        hypercall console_io, CONSOLEIO_write, hello_end - hello, hello
        print `Hello by the ring of the console.\n`
        mov rbx, [boot_start_info]
        print `magic: `
        mov rsi, rbx                ; the start info begins with it
        call write_string
        print `\npages: `
        print_dec [rbx + start_info.nr_pages]
        print `\npage tables: `
        print_dec [rbx + start_info.nr_pt_frames]
        print `\ncommand line: `
        lea rsi, [rbx + start_info.cmd_line]
        call write_string
        print `\n`
        ret
