/* SPDX-License-Identifier: MIT */
/*
 * The table against running processes: ourselves, and children whose files change under them.
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "process/process.h"
#include "store/fake.h"

static struct turf_processes *new_table(struct fake *fake)
{
	struct turf_processes *table = NULL;
	fake_open(fake);
	ck_assert_int_eq(turf_processes_new(fake->store, &table, NULL), 0);
	return table;
}

static struct turf_process *read_process(struct turf_processes *table, pid_t pid)
{
	struct turf_error err = { 0 };
	int r = turf_processes_read(table, pid, &err);
	ck_assert_msg(r == 0, "%d: %s", r, err.text);
	return turf_processes_find(table, pid);
}

/* The link-time address of @pc, as the dynamic linker knows it. */
static uint64_t linked_addr(const void *pc)
{
	Dl_info info;
	struct link_map *map;
	ck_assert(dladdr1(pc, &info, (void **)&map, RTLD_DL_LINKMAP));
	return (uintptr_t)pc - map->l_addr;
}

START_TEST(locates_its_own_functions)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	prctl(PR_SET_NAME, "my name");
	struct turf_process *process = read_process(table, getpid());
	ck_assert_str_eq(turf_process_comm(process), "my name");
	const void *const pcs[] = { (void *)(uintptr_t)linked_addr,
		                    /* of libc, and not intercepted by a sanitizer */
		                    dlsym(RTLD_DEFAULT, "gnu_get_libc_version") };
	for (size_t i = 0; i < COUNT(pcs); i++) {
		struct turf_location at;
		uint64_t pc = (uintptr_t)pcs[i];
		ck_assert_int_eq(turf_process_locate(process, pc, &at), 1);
		ck_assert(at.map_start <= pc && pc < at.map_end);
		ck_assert_ptr_nonnull(at.module);
		ck_assert_ptr_null(turf_module_error(at.module));
		ck_assert_ptr_nonnull(at.image);
		ck_assert_ptr_eq(at.image, turf_module_image(at.module));
		ck_assert_uint_eq(strlen(turf_module_key(at.module)), 32);
		ck_assert_uint_eq(at.addr, linked_addr(pcs[i]));
	}
	struct turf_location none;
	ck_assert_int_eq(turf_process_locate(process, 8, &none), 0);
	ck_assert_uint_eq(fake_builds(&fake), 2); /* only what was asked for */
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

START_TEST(locates_the_vdso)
{
	uint64_t vdso = getauxval(AT_SYSINFO_EHDR);
	if (!vdso)
		return; /* a machine without one */
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	struct turf_location at;
	ck_assert_int_eq(turf_process_locate(read_process(table, getpid()), vdso + 0x80, &at),
	                 1);
	ck_assert_ptr_null(turf_module_error(at.module));
	ck_assert_ptr_nonnull(at.image);
	ck_assert_str_eq(turf_module_path(at.module), "[vdso]");
	ck_assert_uint_eq(at.addr, 0x80); /* it is linked at 0 */
	/* of a process that is gone: ours is as good, if it is as long */
	struct turf_event gone = { .kind = TURF_EVENT_MAP, .pid = INT32_MAX };
	gone.map.start = 0x7000;
	gone.map.end = 0x7000 + (at.map_end - at.map_start);
	gone.map.path = "[vdso]";
	struct turf_processes *other = NULL;
	ck_assert_int_eq(turf_processes_new(fake.store, &other, NULL), 0);
	ck_assert_int_eq(turf_processes_event(other, &gone), 0);
	struct turf_process *process = turf_processes_find(other, INT32_MAX);
	ck_assert_int_eq(turf_process_locate(process, 0x7080, &at), 1);
	ck_assert_uint_eq(at.addr, 0x80);
	ck_assert_ptr_nonnull(at.image);
	gone.map.end += 0x1000;
	ck_assert_int_eq(turf_processes_event(other, &gone), 0);
	ck_assert_int_eq(turf_process_locate(process, 0x7080, &at), 1);
	ck_assert_ptr_null(at.image);
	ck_assert_ptr_nonnull(turf_module_error(at.module));
	turf_processes_free(other);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

/* Maps the first page of a file to be executed, as a program would. */
static void *map_exec(const char *path)
{
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

static void copy_file(const char *from, const char *to)
{
	char command[512];
	snprintf(command, sizeof(command), "cp %s %s.new && mv %s.new %s", from, to, to, to);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(tells_a_replaced_file)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	char path[96];
	snprintf(path, sizeof(path), "%s/library", fake.folder);
	copy_file("/usr/bin/env", path);
	uint64_t pc = (uintptr_t)map_exec(path);
	struct turf_process *process = read_process(table, getpid());
	copy_file("/usr/bin/env", path);
	struct turf_location at;
	ck_assert_int_eq(turf_process_locate(process, pc, &at), 1);
	const char *error = turf_module_error(at.module);
	/* who may look through map_files sees the very file; nobody may be given the new one */
	if (at.image)
		ck_assert_ptr_null(error);
	else
		ck_assert_msg(strstr(error, "library: file was replaced"), "%s", error);
	/* a mapping that is not ours cannot be looked at through map_files */
	struct turf_event event = {
		.kind = TURF_EVENT_MAP,
		.pid = INT32_MAX,
		.map = { pc, pc + 4096, 0, at.module->major, at.module->minor, 1, path },
	};
	ck_assert_int_eq(turf_processes_event(table, &event), 0);
	process = turf_processes_find(table, INT32_MAX);
	ck_assert_int_eq(turf_process_locate(process, pc, &at), 1);
	ck_assert_ptr_null(at.image);
	error = turf_module_error(at.module);
	ck_assert_msg(strstr(error, "library: file was replaced"), "%s", error);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

START_TEST(tells_what_has_no_urf)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	char text[96];
	snprintf(text, sizeof(text), "%s/text", fake.folder);
	fake_append(text, "no machine code");
	const struct {
		const char *path, *error;
	} cases[] = {
		{ text, "/text: not an ELF file" },
		{ "/no/such/file", "/no/such/file: No such file" },
		{ "/dev/null", "/dev/null: not a regular file" },
		{ "/usr", "/usr: not a regular file" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_event event = {
			.kind = TURF_EVENT_MAP,
			.pid = INT32_MAX,
			.map = { 0x1000, 0x2000, 0, 0, 0, 0, cases[i].path },
		};
		struct turf_location at;
		ck_assert_int_eq(turf_processes_event(table, &event), 0);
		struct turf_process *process = turf_processes_find(table, INT32_MAX);
		ck_assert_int_eq(turf_process_locate(process, 0x1000, &at), 1);
		ck_assert_ptr_null(at.image);
		const char *error = turf_module_error(at.module);
		ck_assert_msg(error && strstr(error, cases[i].error), "%s", error);
	}
	ck_assert_uint_eq(fake_builds(&fake), 0);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

/* A module that one process cannot show is found through another. */
START_TEST(tries_other_processes)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	char path[96], away[128];
	snprintf(path, sizeof(path), "%s/library", fake.folder);
	snprintf(away, sizeof(away), "%s/away", fake.folder);
	copy_file("/usr/bin/env", away);
	struct turf_event event = {
		.kind = TURF_EVENT_MAP,
		.pid = INT32_MAX,
		.map = { 0x1000, 0x2000, 0, 0, 0, 0, path },
	};
	struct turf_location at;
	ck_assert_int_eq(turf_processes_event(table, &event), 0);
	struct turf_process *process = turf_processes_find(table, INT32_MAX);
	ck_assert_int_eq(turf_process_locate(process, 0x1000, &at), 1);
	ck_assert_ptr_null(at.image);
	ck_assert_int_eq(rename(away, path), 0);
	ck_assert_int_eq(turf_process_locate(process, 0x1000, &at), 1);
	ck_assert_ptr_null(at.image); /* asked once a process */
	event.pid--;
	ck_assert_int_eq(turf_processes_event(table, &event), 0);
	process = turf_processes_find(table, event.pid);
	ck_assert_int_eq(turf_process_locate(process, 0x1000, &at), 1);
	ck_assert_ptr_nonnull(at.image);
	ck_assert_ptr_null(turf_module_error(at.module));
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

static void *named_thread(void *ctx)
{
	pthread_barrier_t *barrier = ctx;
	prctl(PR_SET_NAME, "a thread");
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return (void *)(intptr_t)syscall(SYS_gettid);
}

START_TEST(reads_thread_names)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	pthread_barrier_t barrier;
	pthread_t thread;
	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, named_thread, &barrier), 0);
	pthread_barrier_wait(&barrier);
	struct turf_process *process = read_process(table, getpid());
	pthread_barrier_wait(&barrier);
	void *tid;
	pthread_join(thread, &tid);
	ck_assert_str_eq(turf_process_thread_comm(process, (pid_t)(intptr_t)tid), "a thread");
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

START_TEST(reads_all_processes)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	pid_t child = fork();
	if (child == 0)
		_exit(pause());
	struct turf_error err = { 0 };
	ck_assert_int_eq(turf_processes_read_all(table, &err), 0);
	uint64_t pc = (uintptr_t)named_thread;
	struct turf_location mine, its;
	struct turf_process *process = turf_processes_find(table, getpid());
	ck_assert_int_eq(turf_process_locate(process, pc, &mine), 1);
	process = turf_processes_find(table, child);
	ck_assert_int_eq(turf_process_locate(process, pc, &its), 1);
	ck_assert_ptr_eq(mine.module, its.module);
	ck_assert_ptr_eq(mine.image, its.image);
	ck_assert_uint_eq(fake_builds(&fake), 1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	ck_assert_int_eq(turf_processes_read(table, child, &err), -ESRCH);
	ck_assert_msg(strstr(err.text, "No such process"), "%s", err.text);
	ck_assert_int_eq(turf_processes_read(table, INT32_MAX, NULL), -ESRCH);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

START_TEST(reads_memory)
{
	static const char text[] = "what stands in memory";
	char copy[sizeof(text)];
	pid_t pid = getpid();
	struct turf_memory memory = turf_memory_live(&pid);
	ck_assert_int_eq(memory.read(memory.ctx, (uintptr_t)text, copy, sizeof(copy)), 0);
	ck_assert_str_eq(copy, text);
	ck_assert_int_eq(memory.read(memory.ctx, 16, copy, sizeof(copy)), -EFAULT);
	/* half of it is there */
	char *two = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_int_eq(munmap(two + 4096, 4096), 0);
	ck_assert_int_eq(memory.read(memory.ctx, (uintptr_t)two + 4090, copy, 12), -EFAULT);
	ck_assert_int_eq(memory.read(memory.ctx, (uintptr_t)two + 4084, copy, 12), 0);
}
END_TEST

START_TEST(reads_the_running_kernel)
{
	struct turf_kernel *kernel = NULL;
	struct turf_error err = { 0 };
	int r = turf_kernel_open(&kernel, &err);
	if (r < 0) {
		ck_assert_msg(r == -EACCES || r == -ENOENT, "%d: %s", r, err.text);
		return;
	}
	/* the symbol's own address is where it is found again */
	const char *name, *module;
	uint64_t start, again;
	ck_assert_int_eq(turf_kernel_find(kernel, UINT64_MAX / 2, &name, &start, &module), 0);
	ck_assert_int_eq(turf_kernel_find(kernel, UINT64_MAX, &name, &start, &module), 1);
	ck_assert_int_eq(turf_kernel_find(kernel, start, &name, &again, &module), 1);
	ck_assert_uint_eq(start, again);
	turf_kernel_close(kernel);
}
END_TEST

START_TEST(asks_for_one_address)
{
	struct fake fake = { 0 };
	struct turf_processes *table = new_table(&fake);
	uint64_t pc = (uintptr_t)map_exec("/usr/bin/env");
	struct turf_location at;
	/* nobody told of it; what is asked for is known after, and nothing else */
	ck_assert_int_eq(turf_processes_refresh(table, getpid(), pc + 5), 1);
	struct turf_process *process = turf_processes_find(table, getpid());
	ck_assert_int_eq(turf_process_locate(process, pc, &at), 1);
	ck_assert_uint_eq(at.map_start, pc);
	ck_assert_str_eq(turf_module_path(at.module), "/usr/bin/env");
	/* it is gone, and again something else */
	munmap((void *)(uintptr_t)pc, 4096);
	ck_assert_int_eq(turf_processes_refresh(table, getpid(), pc + 5), 0);
	ck_assert_int_eq(turf_process_locate(process, pc, &at), 0);
	ck_assert_int_eq(turf_processes_refresh(table, INT32_MAX, pc), -ESRCH);
	turf_processes_free(table);
	fake_close(&fake);
}
END_TEST

TESTS("process/live", asks_for_one_address, locates_its_own_functions, locates_the_vdso,
      tells_a_replaced_file, tells_what_has_no_urf, tries_other_processes, reads_thread_names,
      reads_all_processes, reads_memory, reads_the_running_kernel)
