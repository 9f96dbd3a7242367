; System calls, by SYSCALL and by INT 80h. Both leave the same frame on the kernel stack of the process, so the rest
; of the kernel does not see which of them it was.

VECTOR_CALL     equ 0x80

        section .bss
        alignb 8
cpu_block:                          ; where GS leads in the kernel
CPU_KERNEL_RSP  equ 0               ; the top of the current process's kernel stack
CPU_USER_RSP    equ 8
                resq 2
        section .text

system_calls_init:
        on_interrupt VECTOR_CALL, system_call
        set_gate_type VECTOR_CALL, GATE_INTERRUPT | GATE_DPL3
        set_efer EFER_SCE
        set_msr IA32_STAR, ((USER_CS32) << 48) | (KERNEL_CS << 32)
        set_msr IA32_LSTAR, syscall_entry
        set_msr IA32_FMASK, RFLAGS_IF | RFLAGS_DF | RFLAGS_TF | RFLAGS_NT | RFLAGS_AC
        set_msr IA32_KERNEL_GS_BASE, cpu_block
        ret

; SYSCALL leaves RSP alone, RIP in RCX and RFLAGS in R11. GS is the kernel's until there is a frame.
syscall_entry:
        system_entry
%ifndef PARA                                    ; where there is a frame already
        swap_gs
        mov [gs:CPU_USER_RSP], rsp
        mov rsp, [gs:CPU_KERNEL_RSP]
        push USER_DS
        push qword [gs:CPU_USER_RSP]
        swap_gs
        push r11
        push USER_CS
        push rcx
%endif
        push 0
        push VECTOR_CALL
        save_registers
        mov rdi, rsp
        call system_call
        restore_registers
        add rsp, 16                             ; vector and error code
%ifndef PARA
        pop rcx
        add rsp, 8
        pop r11
        pop rsp
%endif
        system_return

; system_call: does what the frame RDI asks for. The functions get the arguments in RDI, RSI, RDX, and RBX = the
; frame; they return RAX.
system_call:
        push rbx
        mov rbx, rdi
        mov rcx, [rbx + FRAME_RAX]
        mov rax, E_NOSYS
        cmp rcx, SYS_COUNT
        jae .done
        mov rdi, [rbx + FRAME_RDI]
        mov rsi, [rbx + FRAME_RSI]
        mov rdx, [rbx + FRAME_RDX]
        call [system_call_table + rcx * 8]
.done:  mov [rbx + FRAME_RAX], rax
        pop rbx
        ret

        section .data
        align 8
system_call_table:                  ; in the order of their numbers
        dq sys_exit, console_write, console_read, sys_getpid, sys_yield, sys_sleep, sys_time, process_fork
        dq program_run, sys_wait, sys_kill, sys_break, sys_process, sys_memory, sys_program
        section .text

sys_exit:
        mov edi, edi
        jmp process_exit

sys_getpid:
        mov rax, [current]
        mov eax, [rax + P_PID]
        ret

sys_yield:
        call yield
        xor eax, eax
        ret

sys_sleep:
        mov rax, [current]
        add rdi, [ticks]
        mov [rax + P_WAKE], rdi
        mov dword [rax + P_STATE], STATE_SLEEPING
        call schedule
        xor eax, eax
        ret

sys_time:
        mov rax, [ticks]
        ret

sys_wait:
        push r12
        push r13
        mov r12, rsi                            ; where the status goes
        mov esi, edx
        call process_wait
        mov r13, rax
        test rax, rax
        jle .done
        test r12, r12
        jz .done
        push rdx
        mov rdi, r12
        mov rsi, rsp
        mov edx, 8
        call copy_to_user
        pop rdx
        test rax, rax
        cmovnz r13, rax
.done:  mov rax, r13
        pop r13
        pop r12
        ret

sys_kill:
        cmp edi, INIT_PID
        jbe .not_allowed                        ; nor the idle loop
        call process_find
        test rax, rax
        jz .none
        cmp dword [rax + P_STATE], STATE_ENDED
        je .none
        mov rdi, rax
        call process_kill
        xor eax, eax
        ret
.none:  mov rax, E_SRCH
        ret
.not_allowed:
        mov rax, E_PERM
        ret

sys_break:
        push r12
        mov r12, [current]
        test rdi, rdi
        jz .done
        mov rax, HEAP
        cmp rdi, rax
        jb .bad
        mov rax, HEAP_LIMIT
        cmp rdi, rax
        ja .bad
        mov rsi, [r12 + P_BREAK]
        mov [r12 + P_BREAK], rdi
        add rdi, 4095                           ; pages above the new end go
        and rdi, ~4095
        add rsi, 4095
        and rsi, ~4095
        call drop_pages
.done:  mov rax, [r12 + P_BREAK]
        pop r12
        ret
.bad:   mov rax, E_INVAL
        pop r12
        ret

sys_process:
        cmp rdi, PROCESS_COUNT
        jae .bad
        imul edi, edi, PROCESS_SIZE
        add edi, processes
        cmp dword [rdi + P_STATE], STATE_FREE
        je .none
        push qword [rdi + P_PID]
        mov rax, rsi
        mov rsi, rdi
        mov rdi, rax
        mov edx, INFO_SIZE
        call copy_to_user
        pop rcx
        test rax, rax
        jnz .done
        mov eax, ecx
.done:  ret
.none:  xor eax, eax
        ret
.bad:   mov rax, E_INVAL
        ret

sys_memory:
        push rdi
        call frames_shared
        pop rdi
        mov rcx, [free_frames]
        push rcx
        push rax
        mov rax, [frames_for_processes]
        sub rax, rcx
        push rax
        mov rsi, rsp
        mov edx, MEMORY_SIZE
        call copy_to_user
        add rsp, MEMORY_SIZE
        ret

sys_program:
        call program_name
        mov rdi, rsi
        mov rsi, rax
        mov rax, E_INVAL
        test rsi, rsi
        jz .done
        mov edx, NAME_SIZE
        call copy_to_user
.done:  ret
