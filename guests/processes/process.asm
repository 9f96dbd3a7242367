; Processes: their table, and how they begin and end.
;
; A process has an address space and a kernel stack of one page. When it is not running, that stack holds the
; frame of the interrupt or system call by which it entered the kernel and, below, what switch_to saved. A new
; one gets a stack that looks as if it had been there before.

P_PID           equ INFO_PID        ; what SYS_PROCESS tells comes first
P_PARENT        equ INFO_PARENT
P_STATE         equ INFO_STATE
P_PAGES         equ INFO_PAGES
P_TICKS         equ INFO_TICKS
P_NAME          equ INFO_NAME
P_NEXT          equ INFO_SIZE       ; the next in the queue
P_STACK         equ INFO_SIZE + 8   ; the kernel stack's frame
P_RSP           equ INFO_SIZE + 16  ; where it stands
P_ROOT          equ INFO_SIZE + 24  ; the PML4
P_BREAK         equ INFO_SIZE + 32  ; the end of the heap
P_CHANNEL       equ INFO_SIZE + 40  ; what a blocked process waits for
P_WAKE          equ INFO_SIZE + 48  ; when a sleeping one goes on
P_STATUS        equ INFO_SIZE + 56  ; of an ended one
P_AWAITED       equ INFO_SIZE + 64  ; the PID that it waits for
PROCESS_SIZE    equ 128

FIRST_FRAME     equ 4096 - FRAME_SIZE           ; in a kernel stack: the frame of the program
SAVED_REGISTERS equ 6                           ; that switch_to keeps

        section .bss
        alignb 16
processes:      resb PROCESS_SIZE * PROCESS_COUNT
processes_end:
        section .data
next_pid:       dd INIT_PID
init_name:      db "shell"
                times NAME_SIZE - ($ - init_name) db 0
        section .text

; for_each_process register: begins a loop over the table; next_process register, label ends its body.
%macro for_each_process 1
        mov %1, processes
%endmacro

%macro next_process 2
        add %1, PROCESS_SIZE
        cmp %1, processes_end
        jb %2
%endmacro

; processes_init: the idle loop, which is what runs now, and the first program.
processes_init:
        mov rax, [free_frames]
        mov [frames_for_processes], rax
        mov edi, processes
        mov [current], rdi
        mov dword [rdi + P_STATE], STATE_RUNNING
        mov qword [rdi + P_ROOT], page_root
        call process_new
        mov rbx, rax
        mov edi, init_name
        call find_program
        mov rdi, rax
        mov rsi, rbx
        call load_program
        mov rdi, rbx
        call first_frame
        mov rdi, rax
        call reset_frame
        mov rdi, rbx
        jmp make_ready

; process_new: RAX = a process with a PID and a kernel stack but no address space, or 0. The current one is its
; parent.
process_new:
        push rbx
        for_each_process rbx
.next:  cmp dword [rbx + P_STATE], STATE_FREE
        je .found
        next_process rbx, .next
        jmp .none
.found: call frame_take
        test rax, rax
        jz .none
        mov rdx, rax
        mov rdi, rbx
        xor eax, eax
        mov ecx, PROCESS_SIZE / 8
        rep stosq
        mov [rbx + P_STACK], rdx
        mov dword [rbx + P_STATE], STATE_BLOCKED        ; on nothing, until make_ready
        mov eax, [next_pid]
        mov [rbx + P_PID], eax
        inc dword [next_pid]
        mov rcx, [current]
        mov eax, [rcx + P_PID]
        mov [rbx + P_PARENT], eax
        mov rax, rbx
        pop rbx
        ret
.none:  xor eax, eax
        pop rbx
        ret

; first_frame: makes the kernel stack of the process RDI one that leaves the kernel by its first frame. RAX = that
; frame, which is still to be filled.
first_frame:
        mov rax, [rdi + P_STACK]
        add rax, FIRST_FRAME
        mov qword [rax - 8], interrupt_exit     ; where switch_to returns
        lea rcx, [rax - 8 - 8 * SAVED_REGISTERS]
        mov [rdi + P_RSP], rcx
        ret

; reset_frame: makes RDI the frame of a program at its beginning.
reset_frame:
        mov rdx, rdi
        xor eax, eax
        mov ecx, FRAME_SIZE / 8
        rep stosq
        mov rax, PROGRAM_TEXT
        mov [rdx + FRAME_RIP], rax
        mov qword [rdx + FRAME_CS], USER_CS
        mov qword [rdx + FRAME_RFLAGS], RFLAGS_IF | 2
        mov rax, STACK_TOP
        mov [rdx + FRAME_RSP], rax
        mov qword [rdx + FRAME_SS], USER_DS
        ret

; process_find: RAX = the process with PID EDI, or 0.
process_find:
        for_each_process rax
.next:  cmp dword [rax + P_STATE], STATE_FREE
        je .skip
        cmp [rax + P_PID], edi
        je .done
.skip:  next_process rax, .next
        xor eax, eax
.done:  ret

; process_fork: a copy of the current process, which has entered the kernel with the frame RBX. RAX = its PID, or
; an error.
process_fork:
        push r12
        push r13
        mov r13, [current]
        call process_new
        mov r12, rax
        mov rcx, E_AGAIN
        test rax, rax
        jz .failed
        mov rdi, [r13 + P_ROOT]
        call space_copy
        mov [r12 + P_ROOT], rax
        mov rcx, [r13 + P_ROOT]
        write_cr cr3, rcx                       ; forgets that its pages were writable
        test rax, rax
        jz .no_memory
        mov eax, [r13 + P_PAGES]
        mov [r12 + P_PAGES], eax
        mov rax, [r13 + P_BREAK]
        mov [r12 + P_BREAK], rax
        lea rsi, [r13 + P_NAME]
        lea rdi, [r12 + P_NAME]
        movsq
        movsq
        mov rdi, r12
        call first_frame
        mov rdi, rax
        mov rsi, rbx
        mov ecx, FRAME_SIZE / 8
        rep movsq
        mov qword [rax + FRAME_RAX], 0
        mov rdi, r12
        call make_ready
        mov eax, [r12 + P_PID]
.done:  pop r13
        pop r12
        ret
.no_memory:
        mov rdi, r12
        call process_release
        mov rcx, E_NOMEM
.failed:
        mov rax, rcx
        jmp .done

; process_release: the process RDI is no more.
process_release:
        mov dword [rdi + P_STATE], STATE_FREE
        mov rdi, [rdi + P_STACK]
        jmp frame_drop

; process_exit: ends the current process with the status RDI. Does not return. With the first process the run ends.
process_exit:
        mov rax, [current]
        cmp dword [rax + P_PID], INIT_PID
        je .last
        mov rsi, rdi
        mov rdi, rax
        mov rcx, page_root                      ; its address space is about to go
        write_cr cr3, rcx
        call process_end
        jmp schedule
.last:  mov rax, rdi
        jmp finish

; process_kill: ends the process RDI, current or not, but not the first.
process_kill:
        mov rsi, KILLED
        cmp rdi, [current]
        jne .other
        mov rdi, rsi
        jmp process_exit
.other: cmp dword [rdi + P_STATE], STATE_READY
        jne process_end
        push rdi
        push rsi
        call unqueue
        pop rsi
        pop rdi

; process_end: the process RDI, which is in no queue, ends with the status RSI: its memory goes, its children get a
; new parent, its own learns of it. Its kernel stack stays until then.
process_end:
        push rbx
        mov rbx, rdi
        mov [rbx + P_STATUS], rsi
        mov dword [rbx + P_STATE], STATE_ENDED
        mov rdi, [rbx + P_ROOT]
        mov qword [rbx + P_ROOT], page_root
        mov dword [rbx + P_PAGES], 0
        call space_free
        mov eax, [rbx + P_PID]
        for_each_process rcx
.next:  cmp [rcx + P_PARENT], eax
        jne .skip
        mov dword [rcx + P_PARENT], INIT_PID
.skip:  next_process rcx, .next
        mov edi, INIT_PID                       ; one of them may have ended already
        call wake_waiting
        mov edi, [rbx + P_PARENT]
        pop rbx

; wake_waiting: the process with PID EDI looks at its children again.
wake_waiting:
        call process_find
        mov rdi, rax
        jmp wake_up

; process_wait: EDI = PID of a child or ANY_CHILD, ESI = flags. RAX = PID of a child that has ended, RDX = its
; status; or RAX = 0, or an error.
process_wait:
        push rbx
        push r12
        push r13
        mov r12d, edi
        mov r13d, esi
.again: mov rdx, [current]
        mov [rdx + P_AWAITED], r12d
        mov edx, [rdx + P_PID]
        mov rax, E_CHILD
        for_each_process rbx
.next:  cmp dword [rbx + P_STATE], STATE_FREE
        je .skip
        cmp [rbx + P_PARENT], edx
        jne .skip
        cmp r12d, ANY_CHILD
        je .match
        cmp [rbx + P_PID], r12d
        jne .skip
.match: xor eax, eax                            ; there is one at least
        cmp dword [rbx + P_STATE], STATE_ENDED
        je .ended
.skip:  next_process rbx, .next
        test rax, rax
        jnz .done
        test r13d, WAIT_NOT
        jnz .done
        mov rdi, [current]
        call sleep_on
        jmp .again
.ended: mov rdi, rbx
        call process_release
        mov eax, [rbx + P_PID]
        mov rdx, [rbx + P_STATUS]
.done:  mov rcx, [current]
        mov dword [rcx + P_AWAITED], 0
        pop r13
        pop r12
        pop rbx
        ret
