; The console: COM1 by interrupt, in both directions. What is typed waits in one ring for a process to read it,
; what is printed in another for the transmitter. Nothing typed is lost: while its ring is full, the receive
; interrupt is off and the UART keeps it. Ctrl-C kills the process that the shell waits for.

INPUT_SIZE      equ 256             ; powers of two
OUTPUT_SIZE     equ 4096
READ_MAX        equ 64
FIFO_SIZE       equ 16              ; of the UART
IER_ETBEI       equ 0x02            ; interrupt when the transmitter is empty
IIR_NONE        equ 0x01            ; no interrupt is pending
CTRL_C          equ 3

        section .bss
input_taken:    resd 1              ; characters since the start: the place in the ring is the low bits
input_put:      resd 1
output_taken:   resd 1
output_put:     resd 1
interrupt_mask: resb 1              ; what IER holds
break_typed:    resb 1
input_ring:     resb INPUT_SIZE
output_ring:    resb OUTPUT_SIZE
transfer:       resb WRITE_MAX      ; between a ring and a program
        section .text

console_init:
        on_interrupt PIC_VECTOR + IRQ_COM1, on_console
        mov al, IER_ERBFI

; set_interrupt_mask: AL = what IER is to hold.
set_interrupt_mask:
        cmp al, [interrupt_mask]
        je .done
        mov [interrupt_mask], al
        mov dx, COM1_IER
        port_out dx, al
.done:  ret

; on_console: the request is an edge, so it takes all causes, until none is left, to have another one.
on_console:
        call [end_of_request]
.next:  mov dx, COM1_IIR
        port_in al, dx
        test al, IIR_NONE
        jnz .done
        call receive
        call transmit
        jmp .next
.done:  cmp byte [break_typed], 0
        jne kill_awaited
        ret

; receive: what the UART has goes into the ring, as far as there is room. EBX = LSR.
receive:
        mov dx, COM1_LSR
        port_in al, dx
        movzx ebx, al
        test al, LSR_DR
        jz .done
        mov ecx, [input_put]
        mov eax, ecx
        sub eax, [input_taken]
        cmp eax, INPUT_SIZE
        jae .full
        mov dx, COM1_DATA
        port_in al, dx
        cmp al, CTRL_C
        je .break
        and ecx, INPUT_SIZE - 1
        mov [input_ring + rcx], al
        inc dword [input_put]
        jmp receive
.break: mov byte [break_typed], 1
        jmp receive
.full:  mov al, [interrupt_mask]
        and al, ~IER_ERBFI
        call set_interrupt_mask
.done:  mov edi, input_ring
        jmp wake_up

; transmit: the UART gets as much as its FIFO takes, if that is empty; its interrupt is on while there is more.
; EBX = LSR.
transmit:
        test bl, LSR_THRE
        jz .more
        mov ecx, FIFO_SIZE
        mov dx, COM1_DATA
.next:  mov esi, [output_taken]
        cmp esi, [output_put]
        je .more
        and esi, OUTPUT_SIZE - 1
        mov al, [output_ring + rsi]
        port_out dx, al
        inc dword [output_taken]
        dec ecx
        jnz .next
.more:  mov al, [interrupt_mask]
        and al, ~IER_ETBEI
        mov esi, [output_taken]
        cmp esi, [output_put]
        je .set
        or al, IER_ETBEI
.set:   call set_interrupt_mask
        mov edi, output_ring
        jmp wake_up

; kill_awaited: what Ctrl-C does.
kill_awaited:
        mov byte [break_typed], 0
        mov edi, INIT_PID
        call process_find
        mov edi, [rax + P_AWAITED]
        cmp edi, INIT_PID
        ja sys_kill
        ret

; write_char: AL goes into the ring: this is how the kernel prints. Waits for the UART if the ring is full. Changes
; nothing else.
write_char:
        push rcx
        push rdx
        push rax
        mov ecx, [output_put]
        sub ecx, [output_taken]
        cmp ecx, OUTPUT_SIZE
        jb .room
        call send_one
.room:  mov ecx, [output_put]
        and ecx, OUTPUT_SIZE - 1
        mov al, [rsp]
        mov [output_ring + rcx], al
        inc dword [output_put]
        mov al, [interrupt_mask]
        or al, IER_ETBEI
        call set_interrupt_mask
        pop rax
        pop rdx
        pop rcx
        ret

; send_one: the oldest character of the ring to the UART, as soon as it takes one. Changes RAX, RCX, RDX.
send_one:
        mov dx, COM1_LSR
.wait:  port_in al, dx
        test al, LSR_THRE
        jz .wait
        mov ecx, [output_taken]
        and ecx, OUTPUT_SIZE - 1
        mov al, [output_ring + rcx]
        mov dx, COM1_DATA
        port_out dx, al
        inc dword [output_taken]
        ret

; serial_drain: returns when all that was printed has left the UART. Keeps RAX.
serial_drain:
        push rax
.next:  mov ecx, [output_taken]
        cmp ecx, [output_put]
        je .empty
        call send_one
        jmp .next
.empty: mov dx, COM1_LSR
.wait:  port_in al, dx
        test al, LSR_TEMT
        jz .wait
        pop rax
        ret

; console_write: SYS_WRITE.
console_write:
        push r12
        push r13
        mov r12, rdi
        mov r13, rsi
        mov eax, WRITE_MAX
        cmp r13, rax
        cmova r13, rax
.wait:  mov eax, [output_put]
        sub eax, [output_taken]
        cmp eax, OUTPUT_SIZE - WRITE_MAX
        jbe .room
        mov edi, output_ring
        call sleep_on
        jmp .wait
.room:  mov edi, transfer
        mov rsi, r12
        mov rdx, r13
        call copy_from_user
        test rax, rax
        jnz .done
        mov esi, transfer
        mov rcx, r13
        jrcxz .written
.next:  lodsb
        call write_char
        loop .next
.written:
        mov rax, r13
.done:  pop r13
        pop r12
        ret

; console_read: SYS_READ.
console_read:
        push r12
        push r13
        push r14
        mov r12, rdi
        mov r13, rsi
        xor r14d, r14d                          ; characters taken
        mov eax, READ_MAX
        cmp r13, rax
        cmova r13, rax
        test r13, r13
        jz .copy
.wait:  mov ecx, [input_taken]
        cmp ecx, [input_put]
        jne .next
        mov edi, input_ring
        call sleep_on
        jmp .wait
.next:  mov ecx, [input_taken]
        cmp ecx, [input_put]
        je .taken
        and ecx, INPUT_SIZE - 1
        mov al, [input_ring + rcx]
        mov [transfer + r14], al
        inc dword [input_taken]
        inc r14d
        cmp r14d, r13d
        jb .next
.taken: mov al, [interrupt_mask]                ; there is room for more
        or al, IER_ERBFI
        call set_interrupt_mask
.copy:  mov rdi, r12
        mov esi, transfer
        mov rdx, r14
        call copy_to_user
        test rax, rax
        cmovz rax, r14
        pop r14
        pop r13
        pop r12
        ret
