; virtualizable: a kernel for which trap-and-emulate is enough. Two programs, each in an address space of its own, get
; their memory by page faults, ask the kernel by SYSCALL and INT 80h, and lose the processor to the timer; then the
; kernel sleeps. Nothing here needs one of the instructions that at CPL 3 neither trap nor do what they do at CPL 0:
; the kernel sets the interrupt flag by STI and CLI alone and knows its value without PUSHF, tells who was interrupted by
; the frame and not by a look at CS, and asks for no descriptor table, task register or rights of a selector.
; Shows: paging, interrupts, user mode, system calls and timers as a kernel can use them without hardware for virtual machines.
; Takes: page faults true and hidden, SYSCALL, SYSRET, SWAPGS, INT n, IRET, port accesses, MOV to CR3, HLT.
; Popek and Goldberg 1974, theorem 1.

%include "../inc/guest.inc"
%include "../inc/cpu.inc"
%include "../inc/gdt.inc"
%include "../inc/idt.inc"
%include "../inc/paging.inc"
%include "../inc/pic.inc"
%include "../inc/pit.inc"

PROCESSES       equ 2
USER_BASE       equ 1 << 39                     ; the code of a program, in an entry of the PML4 of its own
HEAP            equ USER_BASE + 0x200000
HEAP_PAGES      equ 64
USER_STACK      equ HEAP + (HEAP_PAGES + 1) * 4096 ; one page that ends here
FRAMES          equ 0x1000000                   ; free frames of memory
TIMER_HZ        equ 5000
WAIT_TICKS      equ 10
SLEEPS          equ 3

YIELD           equ 0                           ; INT 80h, number in RAX
FINISH          equ 1                           ; RDI: the result

PROCESS_ROOT    equ FRAME_SIZE                  ; a process: its frame while it does not run, then these
PROCESS_RESULT  equ FRAME_SIZE + 8
PROCESS_FAULTS  equ FRAME_SIZE + 16
PROCESS_LOST    equ FRAME_SIZE + 20             ; times that the timer took the processor away
PROCESS_DONE    equ FRAME_SIZE + 24
PROCESS_SIZE    equ FRAME_SIZE + 32

CPU_USER_RSP    equ 0                           ; what GS leads to in a system call
CPU_KERNEL_RSP  equ 8

; print_answer value, least: whether there were so many; the number itself is a matter of speed.
%macro print_answer 2
        cmp dword %1, %2
        jb %%few
        print `enough\n`
        jmp %%done
%%few:  print `too few\n`
%%done:
%endmacro

main:
        call gdt_init
        call idt_init
        call pic_init
        mov edx, PTE_P | PTE_RW                 ; the kernel's own pages stay closed to programs
        call identity_map
        on_interrupt 14, on_page_fault
        on_interrupt PIC_VECTOR + IRQ_PIT, on_timer
        on_interrupt 0x80, on_call
        set_gate_type 0x80, GATE_INTERRUPT | GATE_DPL3
        set_efer EFER_SCE
        set_msr IA32_STAR, (0x1b << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, fast_call
        set_msr IA32_FMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF
        set_msr IA32_KERNEL_GS_BASE, cpu_area
        print `two programs share the processor\n`
        xor ebx, ebx
.make:  call make_process
        inc ebx
        cmp ebx, PROCESSES
        jb .make
        pit_start TIMER_HZ
        pic_mask ~(1 << IRQ_PIT)
        mov [kernel_rsp], rsp
        mov rax, [processes + PROCESS_ROOT]
        write_cr cr3, rax
        sub rsp, FRAME_SIZE                     ; into the first, as if it had been interrupted
        mov esi, processes
        mov rdi, rsp
        mov ecx, FRAME_SIZE / 8
        rep movsq
        jmp interrupt_exit

; all_done: where the last program's end leads; interrupts are off.
all_done:
        mov rsp, [kernel_rsp]
        mov rax, page_root
        write_cr cr3, rax
        xor ebx, ebx
.next:  call show_process
        inc ebx
        cmp ebx, PROCESSES
        jb .next
        print `system calls by syscall: `
        print_answer [calls], WAIT_TICKS

; The kernel sleeps. Interrupts are off but for HLT: so it knows that none comes between the look and the sleep.
        mov ebx, [ticks]
        add ebx, SLEEPS
.sleep: enable_interrupts
        halt
        disable_interrupts
        cmp [ticks], ebx
        jb .sleep
        print `woken by the timer\n`
        pic_mask 0xff
        ret

; process_at: RDX = process EBX. Changes nothing else.
process_at:
        imul edx, ebx, PROCESS_SIZE
        add edx, processes
        ret

make_process:
        call process_at
        call new_table
        mov rbp, r9                             ; its root: the kernel's part is shared
        mov rax, [page_root]
        mov [rbp], rax
        mov [rdx + PROCESS_ROOT], rbp
        mov rdi, USER_BASE
        mov esi, program + PTE_P + PTE_US
        call map_in
        lea eax, [rbx + 1]
        mov [rdx + FRAME_RDI], rax              ; what it is to compute
        mov rax, USER_BASE
        mov [rdx + FRAME_RIP], rax
        mov qword [rdx + FRAME_CS], USER_CS
        mov qword [rdx + FRAME_RFLAGS], RFLAGS_IF | 2
        mov rax, USER_STACK
        mov [rdx + FRAME_RSP], rax
        mov qword [rdx + FRAME_SS], USER_DS
        ret

; map_in: maps the page RDI by the entry RSI below the root RBP.
map_in:
        mov ecx, LEVEL_4K
        mov rax, rbp
        call page_entry_in
        write_entry rax, rsi
        ret

show_process:
        call process_at
        print `program `
        lea eax, [rbx + 1]
        print_dec rax
        print `: result `
        print_dec [rdx + PROCESS_RESULT]
        print `, page faults `
        mov eax, [rdx + PROCESS_FAULTS]
        print_dec rax
        print `, turns taken away `
        print_answer [rdx + PROCESS_LOST], 2
        ret

; --- What comes from programs; RDI = the frame, which for them is always in the same place --------------------

; on_page_fault: gives the page that CR2 names a frame, if it is one that the program may have.
on_page_fault:
        test byte [rdi + FRAME_CS], 3
        jz unexpected_interrupt
        read_cr rsi, cr2
        mov rax, HEAP
        mov rcx, rsi
        sub rcx, rax
        cmp rcx, (HEAP_PAGES + 1) * 4096
        jae unexpected_interrupt
        mov ebx, [current]
        call process_at
        inc dword [rdx + PROCESS_FAULTS]
        mov rbp, [rdx + PROCESS_ROOT]
        mov rdi, rsi
        mov rsi, [next_frame]
        add qword [next_frame], 4096
        or esi, PTE_P | PTE_RW | PTE_US
        jmp map_in

; on_timer: a program that was interrupted is preempted.
on_timer:
        end_of_interrupt
        inc dword [ticks]
        test byte [rdi + FRAME_CS], 3
        jz .kernel
        mov ebx, [current]
        call process_at
        inc dword [rdx + PROCESS_LOST]
        jmp switch_process
.kernel:
        ret

; on_call: INT 80h.
on_call:
        cmp qword [rdi + FRAME_RAX], YIELD
        je switch_process
        mov ebx, [current]
        call process_at
        mov rax, [rdi + FRAME_RDI]
        mov [rdx + PROCESS_RESULT], rax
        mov byte [rdx + PROCESS_DONE], 1
        dec dword [running]
        jz all_done

; switch_process: exchanges the frame for that of the next process that is not done.
switch_process:
        mov ebx, [current]
        call process_at
        mov rbp, rdi
        mov rsi, rdi
        mov edi, edx
        mov ecx, FRAME_SIZE / 8
        rep movsq
.next:  inc ebx
        cmp ebx, PROCESSES
        jb .look
        xor ebx, ebx
.look:  call process_at
        cmp byte [rdx + PROCESS_DONE], 0
        jne .next
        mov [current], ebx
        mov rax, [rdx + PROCESS_ROOT]
        write_cr cr3, rax
        mov esi, edx
        mov rdi, rbp
        mov ecx, FRAME_SIZE / 8
        rep movsq
        ret

; fast_call: SYSCALL: EAX = ticks of the timer. RIP is in RCX and RFLAGS in R11; the stack is found by GS.
fast_call:
        swap_gs
        mov [gs:CPU_USER_RSP], rsp
        mov rsp, [gs:CPU_KERNEL_RSP]
        push rcx
        inc dword [calls]
        mov eax, [ticks]
        pop rcx
        mov rsp, [gs:CPU_USER_RSP]
        swap_gs
        system_return

; --- The program, which runs at USER_BASE -----------------------------------------------------------------------

        align 4096
program:
        push rdi                                ; the first touch of the stack
        mov rbx, HEAP
        xor esi, esi
.fill:  lea eax, [rsi + 1]
        imul rax, rdi
        mov [rbx + 8], rax
        add rbx, 4096
        inc esi
        cmp esi, HEAP_PAGES
        jb .fill
        mov eax, YIELD                          ; another's turn, and its writes to the same addresses
        int 0x80
.wait:  mov ecx, 1000
.spin:  dec ecx
        jnz .spin
        syscall
        cmp eax, WAIT_TICKS
        jb .wait
        xor edi, edi
        mov rbx, HEAP
        mov esi, HEAP_PAGES
.sum:   add rdi, [rbx + 8]
        add rbx, 4096
        dec esi
        jnz .sum
        pop rax
        imul rdi, rax                           ; its number, kept on its stack
        mov eax, FINISH
        int 0x80
        align 4096

        section .data
        align 8
next_frame:     dq FRAMES
cpu_area:       dq 0, interrupt_stack_top
running:        dd PROCESSES

        section .bss
        alignb 16
processes:      resb PROCESSES * PROCESS_SIZE
kernel_rsp:     resq 1
current:        resd 1
ticks:          resd 1
calls:          resd 1
        section .text
