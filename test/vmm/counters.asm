; What reads counters and CPUID, at CPL 0 and 3, and what keeps CPL 3 from it: CR4.TSD, CR4.PCE, CPUID faulting.

%include "../inc/guest.inc"
%include "../inc/check.inc"

MSR_PLATFORM_INFO               equ 0xce
MSR_MISC_FEATURES_ENABLES       equ 0x140

; counter_in check, "who": the time stamp, whole.
%macro counter_in 3
        %1 %3_tsc, %2
          rdtsc
          shl rdx, 32
          or rax, rdx
        done_value
%endmacro
; with_aux check, "text", label: the time stamp and IA32_TSC_AUX.
%macro with_aux 3
        %1 %3_aux, %2
          rdtscp
          shl rcx, 48
          or rax, rcx
        done_value
%endmacro
%macro performance_in 3
        %1 %3_pmc, %2
          xor ecx, ecx
          rdpmc
        done
%endmacro
%macro cpuid_in 3
        %1 %3_cpuid, %2
          xor eax, eax
          cpuid
          mov eax, ebx
        done_value
%endmacro

main:
        call check_init
        set_msr 0xc0000103, 0x1234              ; IA32_TSC_AUX
        counter_in check, "rdtsc at cpl 0", first0
        counter_in user_check, "rdtsc at cpl 3", first3
        with_aux check, "rdtscp at cpl 0", first0
        with_aux user_check, "rdtscp at cpl 3", first3
        set_msr 0x10, 0x123456789abcdef0        ; the time stamp itself
        counter_in check, "rdtsc when set, at cpl 0", set0
        counter_in user_check, "rdtsc when set, at cpl 3", set3
        performance_in user_check, "rdpmc without pce at cpl 3", closed3
        performance_in check, "rdpmc without pce at cpl 0", closed0
        set_cr4 CR4_TSD | CR4_PCE
        counter_in check, "rdtsc with tsd at cpl 0", tsd0
        counter_in user_check, "rdtsc with tsd at cpl 3", tsd3
        with_aux check, "rdtscp with tsd at cpl 0", tsd0
        with_aux user_check, "rdtscp with tsd at cpl 3", tsd3
        performance_in user_check, "rdpmc with pce at cpl 3", open3
        cpuid_in user_check, "cpuid at cpl 3", open3
        check platform, "platform info"
          mov ecx, MSR_PLATFORM_INFO
          rdmsr
        done_value
        check reserved, "a reserved bit"
          mov ecx, MSR_MISC_FEATURES_ENABLES
          mov eax, 2
          xor edx, edx
          wrmsr
        done
        check faulting, "cpuid faulting on"
          mov ecx, MSR_MISC_FEATURES_ENABLES
          mov eax, 1
          xor edx, edx
          wrmsr
        done
        cpuid_in check, "cpuid then at cpl 0", fault0
        cpuid_in user_check, "cpuid then at cpl 3", fault3
        ret
