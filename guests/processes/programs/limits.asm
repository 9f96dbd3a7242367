; Programs that ask for more than there is, or for what is not allowed. The kernel refuses, and stays whole.

; probe: system calls with bad arguments, and what each returns.
        program probe, "probe"
%macro attempt 3                                ; attempt "text", number, RDI [RSI = 8, RDX = 0]
        mov rdi, %3
        mov esi, 8
        xor edx, edx
        system %2
        mov rbx, rax
        say %1
        say ": "
        say_number rbx
        say `\n`
%endmacro
        attempt "no such call", SYS_COUNT, 0
        attempt "call -1", -1, 0
        attempt "write from the kernel", SYS_WRITE, 0x100000
        attempt "write from nowhere", SYS_WRITE, PROGRAM_TEXT - 4096
        attempt "write from beyond the address space", SYS_WRITE, -4
        attempt "write from a page not canonical", SYS_WRITE, 1 << 47
        attempt "read into text", SYS_MEMORY, PROGRAM_TEXT
        attempt "read into the kernel", SYS_MEMORY, 0x100000
        attempt "kill nobody", SYS_KILL, 1000000
        attempt "kill the first process", SYS_KILL, INIT_PID
        attempt "wait for a stranger", SYS_WAIT, INIT_PID
        attempt "wait without a child", SYS_WAIT, ANY_CHILD
        attempt "break below the heap", SYS_BREAK, HEAP - 1
        attempt "break above its limit", SYS_BREAK, HEAP_LIMIT + 1
        attempt "slot beyond the table", SYS_PROCESS, PROCESS_COUNT
        attempt "program beyond the table", SYS_PROGRAM, -1
        attempt "run what is not there", SYS_RUN, PROGRAM_DATA
        attempt "run from nowhere", SYS_RUN, USER_BASE - 4
        quit 0
        end_program

; many: forks until no process is free; then each of its children ends.
        program many, "many"
        xor ebx, ebx
.next:  lea rdi, [.child]
        call start_child
        test rax, rax
        js .full
        inc ebx
        jmp .next
.full:  mov rbp, rax
        say "children: "
        say_number rbx
        say ", then error "
        say_number rbp
        say `\n`
.wait:  mov edi, ANY_CHILD
        call wait_for
        dec ebx
        jnz .wait
        quit 0

.child: mov edi, 100
        system SYS_SLEEP
        xor eax, eax
        ret
        end_program

; hungry: touches one page after the other until no frame is left.
        program hungry, "hungry"
        mov rdi, HEAP_LIMIT
        system SYS_BREAK
        mov rbx, HEAP
.next:  mov [rbx], rbx
        add rbx, 4096
        jmp .next
        end_program

; shrink: gives memory back and asks for it again: it comes back zeroed.
        program shrink, "shrink"
        mov rbx, HEAP
        lea rdi, [rbx + 0x10000]
        system SYS_BREAK
        mov dword [rbx + 0x8000], 7
        mov rdi, rbx
        system SYS_BREAK
        lea rdi, [rbx + 0x10000]
        system SYS_BREAK
        say "written 7, after the heap was taken down and up again: "
        mov eax, [rbx + 0x8000]
        say_number rax
        say `\n`
        quit 0
        end_program
