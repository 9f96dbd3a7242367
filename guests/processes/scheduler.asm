; The scheduler: round-robin. Processes that are ready stand in a queue; the first of it runs until it blocks or
; its time slice is over, and then goes to the end.

TIME_SLICE      equ 2               ; timer interrupts

        section .bss
current:        resq 1              ; the process that runs
queue_first:    resq 1
queue_last:     resq 1
slice_left:     resd 1
        section .text

; make_ready: the process RDI goes to the end of the queue.
make_ready:
        mov dword [rdi + P_STATE], STATE_READY
        mov qword [rdi + P_NEXT], 0
        mov rax, [queue_last]
        mov [queue_last], rdi
        test rax, rax
        jz .only
        mov [rax + P_NEXT], rdi
        ret
.only:  mov [queue_first], rdi
        ret

; unqueue: takes the process RDI out of the queue.
unqueue:
        xor edx, edx                            ; the one before it
        mov rax, [queue_first]
.next:  cmp rax, rdi
        je .found
        mov rdx, rax
        mov rax, [rax + P_NEXT]
        jmp .next
.found: mov rcx, [rdi + P_NEXT]
        test rcx, rcx
        jnz .not_last
        mov [queue_last], rdx
.not_last:
        test rdx, rdx
        jz .first
        mov [rdx + P_NEXT], rcx
        ret
.first: mov [queue_first], rcx
        ret

; schedule: lets the first in the queue run, or the idle loop. Returns when it is the caller's turn again, which has
; set its own state.
schedule:
        mov rdi, [queue_first]
        test rdi, rdi
        jz .idle
        push rdi
        call unqueue
        pop rdi
        jmp .run
.idle:  mov edi, processes
.run:   mov dword [rdi + P_STATE], STATE_RUNNING
        mov dword [slice_left], TIME_SLICE

; switch_to: the processor leaves the current process for RDI.
switch_to:
        mov rax, [current]
        cmp rdi, rax
        je .same
        push rbx
        push rbp
        push r12
        push r13
        push r14
        push r15
        mov [rax + P_RSP], rsp
        mov [current], rdi
        mov rsp, [rdi + P_RSP]
        mov rax, [rdi + P_ROOT]
        write_cr cr3, rax
        mov rax, [rdi + P_STACK]
        add rax, 4096
        mov [cpu_block + CPU_KERNEL_RSP], rax
        set_kernel_stack rax
        pop r15
        pop r14
        pop r13
        pop r12
        pop rbp
        pop rbx
.same:  ret

; yield: the current process goes to the end of the queue.
yield:
        mov rdi, [current]
        call make_ready
        jmp schedule

; sleep_on: blocks the current process until wake_up is called with the same RDI, an address.
sleep_on:
        mov rax, [current]
        mov [rax + P_CHANNEL], rdi
        mov dword [rax + P_STATE], STATE_BLOCKED
        jmp schedule

; wake_up: makes ready whoever sleeps on RDI.
wake_up:
        push rbx
        push r12
        mov r12, rdi
        for_each_process rbx
.next:  cmp dword [rbx + P_STATE], STATE_BLOCKED
        jne .skip
        cmp [rbx + P_CHANNEL], r12
        jne .skip
        mov rdi, rbx
        call make_ready
.skip:  next_process rbx, .next
        pop r12
        pop rbx
        ret

; idle: what the processor does when no process is ready. An interrupt ends each halt.
idle:
        call schedule
        wait_for_interrupt
        disable_interrupts
        jmp idle

; tick: a timer interrupt has come, with the frame RDI. Wakes those whose time it is; a program whose slice is over
; makes room.
tick:
        push rbx
        push r12
        mov r12, rdi
        inc qword [ticks]
        mov rax, [ticks]
        for_each_process rbx
.next:  cmp dword [rbx + P_STATE], STATE_SLEEPING
        jne .skip
        mov rax, [ticks]
        cmp rax, [rbx + P_WAKE]
        jb .skip
        mov rdi, rbx
        call make_ready
.skip:  next_process rbx, .next
        test byte [r12 + FRAME_CS], 3
        jz .done                                ; it was the idle loop
        mov rax, [current]
        inc qword [rax + P_TICKS]
        dec dword [slice_left]
        jnz .done
        call yield
.done:  pop r12
        pop rbx
        ret
