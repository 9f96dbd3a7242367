; One exit of each kind: control registers, MSRs, ports, a timer interrupt, an exception, a page fault of the guest.
start:
        mov rsp, 0x80000
        lea rax, [rel timer]
        mov edi, 0x20
        call set_gate
        lea rax, [rel skip]
        mov edi, 3
        call set_gate
        lea rax, [rel fault]
        mov edi, 14
        call set_gate
        lidt [rel idtr]
        mov rax, cr3
        mov rdx, dr7
        mov ecx, 0xc0000080
        rdmsr
        mov al, 0x11            ; the master 8259 at 0x20, only line 0 open
        out 0x20, al
        mov al, 0x20
        out 0x21, al
        mov al, 4
        out 0x21, al
        mov al, 1
        out 0x21, al
        mov al, 0xfe
        out 0x21, al
        mov al, 0x30            ; the timer, once, after 100 ticks
        out 0x43, al
        mov al, 100
        out 0x40, al
        xor eax, eax
        out 0x40, al
        sti
        hlt
        cli
        int3
        mov rbx, 0x7000000000
touch:  mov rax, [rbx]
        xor eax, eax
        out 0xf4, al

; rax: handler, edi: vector
set_gate:
        shl edi, 4
        lea rdi, [rdi + 0x90000]
        mov [rdi], ax
        mov word [rdi + 2], 8
        mov word [rdi + 4], 0x8e00
        shr rax, 16
        mov [rdi + 6], ax
        ret

timer:
        iretq
skip:
        iretq
fault:
        add rsp, 8
        add qword [rsp], 3
        iretq

align 8
idtr:   dw 0xfff
        dq 0x90000
