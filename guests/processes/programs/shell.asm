; shell: the first process. Reads a line, with backspace and echo, and does what it says. What is typed ahead is
; echoed when its turn comes, so that a session looks the same however fast it is typed.

LINE_SIZE       equ 64
BACKSPACE       equ 8
CTRL_D          equ 4
DELETE          equ 127

        program shell, "shell"
        say `A kernel with processes. Type help.\n`
.next:  call report_ended
        say "> "
        call read_line
        call do_line
        jmp .next

; report_ended: tells of children that have ended by now.
report_ended:
        push rbx
        sub rsp, 8
.next:  mov edi, ANY_CHILD
        mov rsi, rsp
        mov edx, WAIT_NOT
        system SYS_WAIT
        test rax, rax
        jle .done
        mov edi, eax
        mov rsi, [rsp]
        call report_status
        jmp .next
.done:  add rsp, 8
        pop rbx
        ret

; report_status: the process EDI has ended with the status RSI. Of success nothing is said.
report_status:
        push rbx
        push rbp
        test rsi, rsi
        jz .done
        mov ebx, edi
        mov rbp, rsi
        say "["
        say_number rbx
        bt rbp, 32                              ; KILLED
        jc .killed
        say "] exit "
        mov ebp, ebp
        say_number rbp
        say `\n`
        jmp .done
.killed:
        say `] killed\n`
.done:  pop rbp
        pop rbx
        ret

; read_line: a line, without its end, into `line`.
read_line:
        push rbx
        push rbp
        xor ebx, ebx                            ; its length
.next:  lea rdi, [.key]
        mov esi, 1
        system SYS_READ
        movzx ebp, byte [.key]
        cmp ebp, `\r`
        je .enter
        cmp ebp, `\n`
        je .enter
        cmp ebp, BACKSPACE
        je .erase
        cmp ebp, DELETE
        je .erase
        cmp ebp, CTRL_D
        je .end
        cmp ebp, ' '
        jb .next
        cmp ebx, LINE_SIZE - 1
        jae .next
        lea rax, [line]
        mov [rax + rbx], bpl
        inc ebx
        lea rdi, [.key]
        mov esi, 1
        system SYS_WRITE
        jmp .next
.erase: test ebx, ebx
        jz .next
        dec ebx
        say `\b \b`
        jmp .next
.end:   test ebx, ebx                           ; Ctrl-D on an empty line
        jnz .next
        quit 0
.enter: lea rax, [line]
        mov byte [rax + rbx], 0
        say `\n`
        pop rbp
        pop rbx
        ret

        data
.key:   db 0
line:   times LINE_SIZE db 0
        text

; next_word: RSI = somewhere in the line. RDI = the next word, zero-terminated, empty at the end; RSI = behind it.
next_word:
        cmp byte [rsi], ' '
        jne .begin
        inc rsi
        jmp next_word
.begin: mov rdi, rsi
.next:  cmp byte [rsi], ' '
        je .end
        cmp byte [rsi], 0
        je .done
        inc rsi
        jmp .next
.end:   mov byte [rsi], 0
        inc rsi
.done:  ret

; do_line: looks the first word up in `commands`; the function gets RSI = what follows.
do_line:
        push rbx
        push rbp
        push r12
        lea rsi, [line]
        call next_word
        cmp byte [rdi], 0
        je .done
        mov rbp, rdi
        mov r12, rsi
        lea rbx, [commands]
.next:  mov rdi, rbp
        lea rsi, [rbx + COMMAND_NAME]
        call same_string
        je .found
        add rbx, COMMAND_SIZE
        lea rax, [commands_end]
        cmp rbx, rax
        jb .next
        mov rdi, rbp
        call show
        say `: no such command, try help\n`
        jmp .done
.found: mov rsi, r12
        call [rbx]
.done:  pop r12
        pop rbp
        pop rbx
        ret

; same_string: ZF = the strings at RDI and RSI are the same.
same_string:
        mov al, [rdi]
        cmp al, [rsi]
        jne .done
        inc rdi
        inc rsi
        test al, al
        jnz same_string
.done:  ret

        data
        align 8
COMMAND_NAME    equ 8
COMMAND_SIZE    equ 16

%macro command 2                    ; command "name", function
%%at:   dq %2
        db %1
        times COMMAND_SIZE - ($ - %%at) db 0
%endmacro

commands:
        command "help", help
        command "ps", ps
        command "mem", mem
        command "run", run
        command "kill", kill
        command "exit", leave_shell
commands_end:
        text

help:
        push rbx
        say `help          this text\n`
        say `ps            the processes\n`
        say `mem           frames of memory\n`
        say `run NAME      runs a program and waits for it; Ctrl-C kills it\n`
        say `run NAME &    does not wait\n`
        say `kill PID      ends a process\n`
        say `exit          ends the shell, and with the first one the machine\n`
        say "programs:"
        xor ebx, ebx
.next:  mov edi, ebx
        lea rsi, [.name]
        system SYS_PROGRAM
        test rax, rax
        js .done
        test ebx, 7
        jnz .same_line
        say `\n `
.same_line:
        say " "
        lea rdi, [.name]
        call show
        inc ebx
        jmp .next
.done:  say `\n`
        pop rbx
        ret

        data
.name:  times NAME_SIZE db 0
        text

ps:
        push rbx
        say `  PID PARENT STATE    PAGES NAME\n`
        xor ebx, ebx
.next:  mov edi, ebx
        lea rsi, [info]
        system SYS_PROCESS
        test rax, rax
        jz .skip
        mov edi, [info + INFO_PID]
        mov esi, 5
        call show_column
        mov edi, [info + INFO_PARENT]
        mov esi, 7
        call show_column
        mov eax, [info + INFO_STATE]
        imul eax, eax, STATE_NAME_SIZE
        lea rdi, [state_names]
        add rdi, rax
        call show
        mov edi, [info + INFO_PAGES]
        mov esi, 6
        call show_column
        say " "
        lea rdi, [info + INFO_NAME]
        call show
        say `\n`
.skip:  inc ebx
        cmp ebx, PROCESS_COUNT
        jb .next
        pop rbx
        ret

        data
info:   times INFO_SIZE db 0
STATE_NAME_SIZE equ 10
state_names:
        db " free    ", 0, " ready   ", 0, " running ", 0, " blocked ", 0, " sleeping", 0, " ended   ", 0
        text

mem:
        lea rdi, [.memory]
        system SYS_MEMORY
        say_number [.memory + MEMORY_USED]
        say " frames in use, "
        say_number [.memory + MEMORY_SHARED]
        say " of them shared, "
        mov rdi, [.memory + MEMORY_FREE]
        shr rdi, 8
        call show_number
        say ` MiB free\n`
        ret

        data
.memory: times MEMORY_SIZE db 0
        text

run:
        push rbx
        push rbp
        push r12
        call next_word
        mov rbx, rdi
        cmp byte [rdi], 0
        je .no_name
        call next_word
        mov r12b, [rdi]                         ; & or 0
        system SYS_FORK
        mov ebp, eax
        test rax, rax
        jz .child
        js .failed
        cmp r12b, '&'
        je .background
        mov edi, ebp
        call wait_for
        mov edi, ebp
        mov rsi, rax
        call report_status
        jmp .done
.background:
        say "["
        say_number rbp
        say `] started\n`
.done:  pop r12
        pop rbp
        pop rbx
        ret
.no_name:
        say `run what? Try help\n`
        jmp .done
.failed:
        say `no process is free\n`
        jmp .done
.child: mov rdi, rbx
        mov rsi, rbx
.length:
        cmp byte [rsi], 1
        inc rsi
        jae .length
        dec rsi
        sub rsi, rdi
        system SYS_RUN
        cmp rax, E_NOENT
        je .unknown
        say `no memory\n`
        quit 1
.unknown:
        mov rdi, rbx
        call show
        say `: no such program\n`
        quit 1

kill:
        call next_word
        xor eax, eax                            ; the number
.next:  movzx ecx, byte [rdi]
        inc rdi
        sub ecx, '0'
        cmp ecx, 9
        ja .go
        imul eax, eax, 10
        add eax, ecx
        jmp .next
.go:    mov edi, eax
        system SYS_KILL
        test rax, rax
        jz .done
        cmp rax, E_PERM
        je .not_allowed
        say `no such process\n`
.done:  ret
.not_allowed:
        say `not this one\n`
        ret

leave_shell:
        quit 0
        end_program
