; bench-pteflush: two hundred thousand times: give a page another frame, INVLPG, write to the page. The result is the sum
; of what was counted in the two frames: the number of writes.
; Shows: what a page-table entry costs that changes and is used at once.
; bench: ops=200000 unit=pte-write

%include "../inc/bench.inc"

%ifndef N
%define N 200000
%endif
WINDOW          equ 0x40000000
FRAME           equ 0x1000000

main:
        mov edx, PTE_P | PTE_RW
        call identity_map
        map WINDOW, FRAME + (PTE_P | PTE_RW)
        mov xdi, xax                            ; the entry
        read_entry xsi, xdi
        bench_begin "write of a page-table entry, flush, use"
        mov ecx, N
.next:  xor esi, 0x1000                         ; the other frame
        write_entry xdi, xsi
        flush_page [abs WINDOW]
        inc dword [abs WINDOW]
        dec ecx
        jnz .next
        mov eax, [abs FRAME]
        add eax, [abs FRAME + 0x1000]
        bench_end
        ret
