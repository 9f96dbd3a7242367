; user: a program at CPL 3 and the kernel's two doors to it, INT 80h and SYSCALL. The program prints through
; system calls, counts its calls, then tries what only a kernel may do; the kernel prints each refusal (#GP,
; #PF) and lets it go on. Port 80h is opened in the TSS's I/O permission bitmap, and used from CPL 3.
; Shown: RSP0, the DPL of a gate, STAR/LSTAR/FMASK, RCX and R11, the U/S bit, the I/O bitmap, IOPL.
; Takes: exceptions from CPL 3, INT n, SYSCALL and SYSRET, port accesses at CPL 3.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/paging.inc"

USER_BASE       equ 0x40000000                  ; the program's pages, open to CPL 3
USER_STACK      equ 0x40010000                  ; one page that ends here
USER_PAGES      equ 2
SYSCALL_PRINT   equ 1                           ; RAX: number, RDI: string
SYSCALL_PRINT_HEX equ 2                         ; RDI: number
SYSCALL_EXIT    equ 3
DIAGNOSTIC_PORT equ 0x80

main:
        call gdt_init
        call idt_init
        mov edx, PTE_P | PTE_RW                 ; the kernel's own pages stay closed to CPL 3
        call identity_map
        call map_program
        set_efer EFER_SCE
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, syscall_entry
        set_msr IA32_FMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_AC
%ifndef PARA                                    ; Xen has no I/O bitmap for a guest without devices
        and byte [io_bitmap + DIAGNOSTIC_PORT / 8], ~(1 << (DIAGNOSTIC_PORT % 8))
%endif
        on_interrupt 0x80, on_int80
        set_gate_type 0x80, GATE_INTERRUPT | GATE_DPL3
        on_interrupt 13, on_fault
        on_interrupt 14, on_fault
        mov [kernel_rsp], rsp
        push USER_DS
        push USER_STACK
        push 2
        push USER_CS
        push USER_BASE
        interrupt_return

; The program is linked into the image at `program` and mapped a second time where it runs.
map_program:
%assign page 0
%rep USER_PAGES
        map USER_BASE + page * 4096, program + page * 4096 + (PTE_P | PTE_US)
  %assign page page + 1
%endrep
        map USER_STACK - 4096, user_stack + (PTE_P | PTE_RW | PTE_US | PTE_D)
        share_with_user USER_BASE, LEVEL_1G
        ret

on_int80:
        mov rax, [rdi + FRAME_RAX]
        mov rcx, [rdi + FRAME_RIP]
        mov rdi, [rdi + FRAME_RDI]

; system_call: RAX = number, RDI = argument.
system_call:
        inc dword [calls]
        cmp eax, SYSCALL_PRINT
        je .print
        cmp eax, SYSCALL_PRINT_HEX
        je .hex
        print `system calls: `
        mov eax, [calls]
        print_dec rax
        print `\n`
        mov rsp, [kernel_rsp]                   ; SYSCALL_EXIT: back to where main was called
        ret
.print: mov rsi, rdi
        jmp write_string
.hex:   mov rax, rdi
        mov ecx, 16
        jmp write_hex

; SYSCALL saves RIP in RCX and RFLAGS in R11 and leaves RSP alone: the kernel finds its own stack.
syscall_entry:
        system_entry
        take_stack user_rsp, interrupt_stack_top
        push rcx
        push r11
        call system_call
        pop r11
        pop rcx
        leave_stack user_rsp
        system_return

; Prints the fault and skips the instruction, whose length the program keeps in RBX.
on_fault:
        mov eax, [rdi + FRAME_VECTOR]
        cmp eax, 14
        je .page
        print `#GP(`
        jmp .error
.page:  print `#PF(`
.error: print_hex [rdi + FRAME_ERROR], 4
        print `) at CPL `
        mov rax, [rdi + FRAME_CS]
        and eax, 3
        print_dec rax
        print `\n`
        mov rax, [rdi + FRAME_RBX]
        add [rdi + FRAME_RIP], rax
        ret

        section .data
calls:          dd 0
        section .bss
kernel_rsp:     resq 1
user_rsp:       resq 1
        alignb 4096
user_stack:     resb 4096

; The program. It runs at USER_BASE, so it may only use relative addresses inside itself.
        section .text
        align 4096
program:
        lea rdi, [hello_text]
        mov eax, SYSCALL_PRINT
        int 0x80
        lea rdi, [cs_text]
        mov eax, SYSCALL_PRINT
        syscall
        mov edi, cs
        mov eax, SYSCALL_PRINT_HEX
        syscall
        call newline
        lea rdi, [rcx_text]                     ; SYSCALL left the return address in RCX
        mov eax, SYSCALL_PRINT
        syscall
.here:  lea rax, [.here]
        xor edi, edi
        cmp rcx, rax
        sete dil
        mov eax, SYSCALL_PRINT_HEX
        syscall
        call newline

; attempt "text": prints it; then one instruction follows that the kernel refuses.
%macro attempt 1
        lea rdi, [%%text]
        mov eax, SYSCALL_PRINT
        syscall
        jmp %%go
%%text: db %1, ` `, 0
%%go:
%endmacro

; refused instruction: RBX = its length, for the kernel. Its operands may hold one comma.
%macro refused 1-2
        mov ebx, %%after - %%at
  %if %0 == 1
%%at:   %1
  %else
%%at:   %1, %2
  %endif
%%after:
%endmacro

        attempt "hlt:"
        refused hlt
        attempt "cli:"
        refused cli
        attempt "mov cr0, rax:"
        refused mov cr0, rax
        attempt "mov rax, cr3:"
        refused mov rax, cr3
        attempt "lgdt:"
        refused lgdt [rel program]
        attempt "rdmsr:"
        refused rdmsr
        attempt "invlpg:"
        refused invlpg [rel program]
        ; differs(qemu): int 0x21 - QEMU's TCG gives vector * 16 + 2 instead of vector * 8 + 2
        attempt "int 0x21, a gate of DPL 0:"
        refused int 0x21
        attempt "in al, 0x60:"
        refused in al, 0x60
%ifndef PARA
        attempt "out 0x80, al, open in the bitmap:"
        out DIAGNOSTIC_PORT, al
        lea rdi, [allowed_text]
        mov eax, SYSCALL_PRINT
        syscall
%endif
        attempt "out 0x80, ax, whose second byte is closed:"
        refused out DIAGNOSTIC_PORT, ax
        attempt "reading a kernel page:"
        refused mov al, [abs IMAGE_BASE]
        attempt "writing its own code:"
        refused mov byte [rel program], 0
        attempt "popf with IF and IOPL 3, silently without effect:"
        push RFLAGS_IF | RFLAGS_IOPL3 | 2
        popfq
        pushfq
        pop rdi
        mov eax, SYSCALL_PRINT_HEX
        syscall
        call newline
        mov eax, SYSCALL_EXIT
        int 0x80

newline:
        lea rdi, [newline_text]
        mov eax, SYSCALL_PRINT
        syscall
        ret

hello_text:     db `Hello from ring 3 through int 0x80.\n`, 0
cs_text:        db `Through syscall: cs = `, 0
rcx_text:       db `rcx holds the return address: `, 0
allowed_text:   db "allowed"
newline_text:   db `\n`, 0
program_end:
