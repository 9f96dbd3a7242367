; bench-chase: follows pointers through 64 MiB in 4 KiB pages, one pointer a page, in a random order that visits
; every page once: almost every load misses the TLB and walks the page tables. The result is the last pointer.
; Shows: what a TLB miss costs; four million dependent loads, no exits.
; ram: 128
; bench: ops=4000000 unit=load

%define TABLE_COUNT 40
%ifndef RAM_MIB
%define RAM_MIB 128
%endif
%include "../inc/bench.inc"

%ifndef N
%define N 4000000                               ; loads
%endif
PAGES           equ 16384
FRAMES          equ 0x2000000                   ; 64 MiB of frames from 32 MiB on
WINDOW          equ 0x40000000                  ; where they are mapped in 4 KiB pages
ORDER           equ 0x1000000                   ; dword[PAGES]: a permutation of the pages

main:
        mov edx, PTE_P | PTE_RW
        call identity_map
        call map_window
        call make_cycle
        bench_begin "pointer chase over 64 MiB of 4 KiB pages"
        mov eax, WINDOW
        mov ecx, N
.next:  mov xax, [xax]
        dec ecx
        jnz .next
        bench_end
        ret

map_window:
        xor ebx, ebx
.next:  mov edi, ebx
        shl edi, 12
        lea esi, [xdi + FRAMES + PTE_P + PTE_RW]
        add edi, WINDOW
        mov ecx, LEVEL_4K
        call map_page
        inc ebx
        cmp ebx, PAGES
        jb .next
        apply_entries
        ret

; Sattolo's shuffle makes a permutation that is a single cycle; it becomes a chain of pointers.
make_cycle:
        xor ecx, ecx
.identity:
        mov [ORDER + xcx * 4], ecx
        inc ecx
        cmp ecx, PAGES
        jb .identity
        lcg_init
        mov esi, 1
        mov ecx, PAGES - 1
.shuffle:                                       ; exchange ECX with one below it
        lcg_next xsi
        mov xax, xsi
        shr xax, WIDTH - 31
        xor edx, edx
        div ecx
        mov eax, [ORDER + xcx * 4]
        mov ebx, [ORDER + xdx * 4]
        mov [ORDER + xdx * 4], eax
        mov [ORDER + xcx * 4], ebx
        dec ecx
        jnz .shuffle
.link:  mov edi, ecx                            ; page n points at page ORDER[n]
        call pointer_of_page
        mov ebx, edi
        mov edi, [ORDER + xcx * 4]
        call pointer_of_page
        mov [xbx], xdi
        inc ecx
        cmp ecx, PAGES
        jb .link
        ret

; EDI = number of a page; becomes the address of its pointer, on a cache line that varies from page to page.
pointer_of_page:
        mov eax, edi
        and eax, 63
        shl eax, 6
        shl edi, 12
        lea edi, [xdi + xax + WINDOW]
        ret
