; Programs that do one simple thing.

; counter: counts to ten and makes room for others after each number. Its system calls are INT 80h.
        program counter, "counter"
        xor ebx, ebx
.next:  inc ebx
        add byte [.digit], 1
        cmp ebx, 10
        je .last
        lea rdi, [.digit]
        mov esi, 2
        mov eax, SYS_WRITE
        int 0x80
        mov eax, SYS_YIELD
        int 0x80
        jmp .next
.last:  say `10\n`
        xor edi, edi
        mov eax, SYS_EXIT
        int 0x80
        data
.digit: db '0', ' '
        end_program

; primes: the sieve of Eratosthenes in heap that the program asks for.
        program primes, "primes"
PRIMES_LIMIT    equ 100000
        mov rbx, HEAP
        lea rdi, [rbx + PRIMES_LIMIT]
        system SYS_BREAK
        mov esi, PRIMES_LIMIT
        call count_primes
        mov rbx, rax
        say "primes below 100000: "
        say_number rbx
        say `\n`
        quit 0
        end_program

; nap: sleeps for an hour.
        program nap, "nap"
        mov edi, 3600000
        system SYS_SLEEP
        quit 0
        end_program

; hog: an endless loop without a system call. Only the timer can take the processor from it.
        program hog, "hog"
        jmp $
        end_program

; three: ends with a status.
        program three, "three"
        quit 3
        end_program
