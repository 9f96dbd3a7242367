; Programs that show what fork copies and what it shares.

; cow: parent and child write the same page after fork, in both orders, and see only what they wrote themselves.
; The child counts which frames have several owners: its first write takes one of them for itself.
        program cow, "cow"
        mov rdi, HEAP + 4096
        system SYS_BREAK
        mov rbx, HEAP
        mov dword [rbx], 1
        say "before fork 1"
        lea rdi, [.child_first]
        call start_child
        mov ebp, eax
        mov edi, eax
        call wait_for
        mov r12, rax
        say ", child wrote "
        say_number r12
        say ", parent still has "
        mov eax, [rbx]
        say_number rax
        say `\n`

        say "parent writes first: "
        lea rdi, [.parent_first]
        call start_child
        mov ebp, eax
        mov dword [rbx], 3                      ; the child sleeps
        mov edi, eax
        call wait_for
        mov r12, rax
        say "child still had "
        say_number r12
        say ", parent has "
        mov eax, [rbx]
        say_number rax
        say `\n`

        say "frames shared no longer after the first write of a page: "
        lea rdi, [.count]
        call start_child
        mov edi, eax
        call wait_for
        say_number rax
        say `\n`
        quit 0

; The children: RBX = HEAP.
.child_first:
        mov dword [rbx], 2
        mov eax, [rbx]
        ret

.parent_first:
        mov edi, 20
        system SYS_SLEEP
        mov eax, [rbx]
        mov dword [rbx], 4
        ret

.count: call .shared                            ; this takes the stack and the data for itself
        call .shared
        push rax
        inc dword [rbx]
        call .shared
        pop rcx
        sub ecx, eax
        mov eax, ecx
        ret

.shared:
        lea rdi, [.memory]
        system SYS_MEMORY
        mov eax, [.memory + MEMORY_SHARED]
        ret

        data
.memory: times MEMORY_SIZE db 0
        end_program

; tree: every process of the first three generations forks two more, which makes fifteen; each ends with the number
; of processes below it and itself.
        program tree, "tree"
        mov esi, 3
        call .grow
        mov ebx, eax
        say "processes in the tree: "
        say_number rbx
        say `\n`
        quit 0

; ESI = generations to come. RAX = how many processes there were.
.grow:  push rbx
        push rbp
        push r12
        push r13
        mov r13d, 1
        test esi, esi
        jz .done
        lea r12d, [rsi - 1]
        lea rdi, [.grow]
        mov esi, r12d
        call start_child
        mov ebx, eax
        lea rdi, [.grow]
        mov esi, r12d
        call start_child
        mov ebp, eax
        mov edi, ebx
        call wait_for
        add r13d, eax
        mov edi, ebp
        call wait_for
        add r13d, eax
.done:  mov eax, r13d
        pop r13
        pop r12
        pop rbp
        pop rbx
        ret
        end_program
