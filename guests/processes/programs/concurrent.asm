; Programs that show several processes at once.

; fair: two endless loops, and this process besides. When both have had the processor for some time, it kills them.
        program fair, "fair"
FAIR_TICKS      equ 4
        lea rdi, [.loop]
        call start_child
        mov ebx, eax
        lea rdi, [.loop]
        call start_child
        mov ebp, eax
.wait:  mov edi, 2
        system SYS_SLEEP
        mov edi, ebx
        call .has_run
        jb .wait
        mov edi, ebp
        call .has_run
        jb .wait
        mov edi, ebx
        call .end
        mov edi, ebp
        call .end
        say `two endless loops, and both had the processor\n`
        quit 0
.loop:  jmp .loop

; CF is set if the process EDI has not had the processor for FAIR_TICKS.
.has_run:
        lea rsi, [.info]
        call process_info
        cmp qword [.info + INFO_TICKS], FAIR_TICKS
        ret

.end:   push rdi
        system SYS_KILL
        pop rdi
        jmp wait_for

        data
.info:  times INFO_SIZE db 0
        end_program

; ten: ten processes, each with a sieve of another size at the same address of its own. Each goes on until all ten
; have had the processor for several time slices; so each has been interrupted in the middle of its work.
        program ten, "ten"
TEN             equ 10
TEN_TICKS       equ 4
TEN_LIMIT       equ 1000
        lea rbx, [.pids]
        xor ebp, ebp
.start: lea esi, [rbp + 1]
        lea rdi, [.child]
        call start_child
        mov [rbx + rbp * 4], eax
        inc ebp
        cmp ebp, TEN
        jb .start
.wait:  mov edi, 5                              ; none is waited for before all have ended
        system SYS_SLEEP
        system SYS_GETPID
        mov edi, eax
        lea rsi, [.has_ended]
        call .count
        cmp eax, TEN
        jb .wait
        xor ebp, ebp
.report:
        mov edi, [rbx + rbp * 4]
        call wait_for
        mov r12, rax
        lea rdi, [rbp + 1]
        imul edi, edi, TEN_LIMIT
        mov esi, 5
        call show_column
        say ": "
        say_number r12
        say ` primes\n`
        inc ebp
        cmp ebp, TEN
        jb .report
        quit 0

; A child: ESI = its number. RAX = the primes below that many thousand, or 0 if it ever finds another number.
.child: push rbx
        push rbp
        push r12
        imul ebx, esi, TEN_LIMIT
        mov rdi, HEAP
        add rdi, rbx
        system SYS_BREAK
        xor ebp, ebp
.again: mov esi, ebx
        call count_primes
        test ebp, ebp
        cmovz ebp, eax
        cmp eax, ebp
        jne .wrong
        system SYS_GETPID
        mov edi, eax
        lea rsi, [.info]
        call process_info
        mov edi, [.info + INFO_PARENT]
        lea rsi, [.has_run]
        call .count
        cmp eax, TEN
        jb .again
        mov eax, ebp
        jmp .done
.wrong: xor eax, eax
.done:  pop r12
        pop rbp
        pop rbx
        ret

; RAX = how many children of the process EDI there are that RSI says yes to, by CF.
.count: push rbx
        push rbp
        push r12
        push r13
        mov r12d, edi
        mov r13, rsi
        xor ebx, ebx
        xor ebp, ebp
.next:  mov edi, ebx
        lea rsi, [.info]
        system SYS_PROCESS
        test rax, rax
        jz .skip
        cmp [.info + INFO_PARENT], r12d
        jne .skip
        call r13
        adc ebp, 0
.skip:  inc ebx
        cmp ebx, PROCESS_COUNT
        jb .next
        mov eax, ebp
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret

.has_ended:
        cmp dword [.info + INFO_STATE], STATE_ENDED     ; the greatest
        cmc
        ret
.has_run:
        cmp qword [.info + INFO_TICKS], TEN_TICKS
        cmc
        ret

        data
.info:  times INFO_SIZE db 0
        align 4
.pids:  times TEN dd 0
        end_program

; sleepers: three processes are started, and wake up in the opposite order.
        program sleepers, "sleepers"
SLEEP_BASE      equ 300                         ; milliseconds from the start
SLEEP_STEP      equ 100
        lea rbx, [.pids]
        system SYS_TIME
        mov r12, rax
        mov ebp, 3
.start: mov esi, ebp
        lea rdi, [.child]
        call start_child
        mov [rbx + rbp * 4 - 4], eax
        dec ebp
        jnz .start
.wait:  mov edi, [rbx + rbp * 4]
        call wait_for
        inc ebp
        cmp ebp, 3
        jb .wait
        quit 0

; ESI = which of them; R12 = when they began.
.child: mov ebp, esi
        system SYS_TIME
        imul edi, ebp, SLEEP_STEP
        lea rdi, [rdi + r12 + SLEEP_BASE]
        sub rdi, rax
        mov ecx, 0
        cmovs rdi, rcx
        system SYS_SLEEP
        say "awake: "
        say_number rbp
        say `\n`
        xor eax, eax
        ret

        data
.pids:  times 3 dd 0
        end_program
