/* What the meter of macOS asks of libproc, told by Linux's /proc: a substitute, so that the meter can be tried here.
   Names and layout as Apple publishes them (xnu: bsd/sys/resource.h, libsyscall/wrappers/libproc). */
#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct rusage_info_v4 {
    uint8_t ri_uuid[16];
    uint64_t ri_user_time, ri_system_time, ri_pkg_idle_wkups, ri_interrupt_wkups, ri_pageins, ri_wired_size;
    uint64_t ri_resident_size, ri_phys_footprint, ri_proc_start_abstime, ri_proc_exit_abstime;
    uint64_t ri_child_user_time, ri_child_system_time, ri_child_pkg_idle_wkups, ri_child_interrupt_wkups;
    uint64_t ri_child_pageins, ri_child_elapsed_abstime, ri_diskio_bytesread, ri_diskio_byteswritten;
    uint64_t ri_cpu_time_qos_default, ri_cpu_time_qos_maintenance, ri_cpu_time_qos_background;
    uint64_t ri_cpu_time_qos_utility, ri_cpu_time_qos_legacy, ri_cpu_time_qos_user_initiated;
    uint64_t ri_cpu_time_qos_user_interactive, ri_billed_system_time, ri_serviced_system_time, ri_logical_writes;
    uint64_t ri_lifetime_max_phys_footprint, ri_instructions, ri_cycles, ri_billed_energy, ri_serviced_energy;
    uint64_t ri_interval_max_phys_footprint, ri_runnable_time;
};
static_assert(sizeof(struct rusage_info_v4) == 296, "16 bytes and 35 numbers");

int proc_pid_rusage(int pid, int flavor, void *buffer) {
    char path[64], row[256];
    struct rusage_info_v4 *info = buffer;
    unsigned long long kib, files = 0, most = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *status = flavor == 4 ? fopen(path, "r") : NULL;
    if (status == NULL) return -1;
    memset(info, 0xff, sizeof *info); /* who reads another field finds nonsense */
    info->ri_phys_footprint = 0;
    int found = 0;
    while (fgets(row, sizeof row, status)) {
        if (sscanf(row, "RssAnon: %llu", &kib) == 1 || sscanf(row, "RssShmem: %llu", &kib) == 1 ||
            sscanf(row, "VmSwap: %llu", &kib) == 1) {
            info->ri_phys_footprint += 1024 * kib;
            found = 1;
        }
        sscanf(row, "RssFile: %llu", &files);
        sscanf(row, "VmHWM: %llu", &most);
    }
    fclose(status);
    info->ri_interval_max_phys_footprint = 1024 * (most - files);
    return found ? 0 : -1; /* a process that has ended has no memory */
}

int proc_reset_footprint_interval(int pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/clear_refs", pid);
    FILE *file = fopen(path, "w");
    if (file == NULL) return -1;
    fputs("5", file);
    return fclose(file);
}

int proc_listchildpids(int parent, void *buffer, int size) {
    char path[64];
    int count = 0, child;
    snprintf(path, sizeof path, "/proc/%d/task", parent);
    DIR *tasks = opendir(path);
    if (tasks == NULL) return 0;
    for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%d/task/%.20s/children", parent, task->d_name);
        FILE *children = fopen(path, "r");
        if (children == NULL) continue;
        while (fscanf(children, "%d", &child) == 1 && (count + 1) * (int)sizeof child <= size)
            ((int *)buffer)[count++] = child;
        fclose(children);
    }
    closedir(tasks);
    return count;
}
