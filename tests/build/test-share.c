/* SPDX-License-Identifier: MIT */
/*
 * What the format is for: 20 processes look everything up in one urf, and none of them has a
 * page of its own; a look-up takes no memory.
 */
#include <inttypes.h>
#include <sys/wait.h>

#include "build/self.h"
#include "lib/alloc.h"

enum { N_PROCESSES = 20 };

static size_t touch_texts(const struct turf_image *image, const struct turf_frame *frame)
{
	char text[512];
	return turf_image_text(image, frame->name, text, sizeof(text)) >= 0 &&
	       turf_image_text(image, frame->linkage_name, text, sizeof(text)) >= 0 &&
	       turf_image_path(image, frame->file, text, sizeof(text)) >= 0;
}

/* Every look-up for the @share-th of @n_shares of the code's addresses, which come in turn; how
 * many frames there were. */
static size_t look_up(const struct turf_image *image, size_t share, size_t n_shares)
{
	struct turf_image_info info;
	size_t n = 0;
	turf_image_info(image, &info);
	for (uint64_t addr = info.base + 3 * share; addr < info.end; addr += 3 * n_shares) {
		struct turf_frame bulk[TURF_FRAMES_MAX];
		uint32_t first[2];
		struct turf_unit unit;
		struct turf_frames walk;
		struct turf_frame frame;
		struct turf_function function;
		struct turf_unwind_row row;
		if (turf_image_frames(image, addr, &walk) == 1)
			while (turf_frames_next(&walk, &frame) == 1)
				n += touch_texts(image, &frame);
		(void)turf_image_frames_bulk(image, &addr, 1, bulk, TURF_FRAMES_MAX, first);
		(void)turf_image_find_unit(image, addr, &unit);
		(void)turf_image_find_function(image, addr, &function);
		(void)turf_image_find_unwind(image, addr, &row);
	}
	return n;
}

/* kB of a field of the mapping of @path in our own smaps; -1: not mapped. */
static long mapping_kb(const char *path, const char *field)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool here = false;
	long kb = -1, value;
	while (f && fgets(line, sizeof(line), f)) {
		uint64_t start, end;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			here = strstr(line, path) != NULL;
		else if (here && !strncmp(line, field, strlen(field)) &&
		         sscanf(line + strlen(field), ": %ld kB", &value) == 1)
			kb = MAX(kb, 0L) + value;
	}
	if (f)
		fclose(f);
	return kb;
}

/* What is wrong with the mapping when all processes have it; 0: nothing. */
static char cost_of_mapping(const char *path)
{
	if (mapping_kb(path, "Rss") < 4)
		return 3; /* it is not what we think it is */
	return mapping_kb(path, "Private_Dirty") == 0 ? 0 : 4;
}

/*
 * A child: looks its share up, says so, waits until all have, tells what its mapping cost it,
 * and keeps it until all have told: a page that only one process maps is its private one.
 */
static int child(const char *path, size_t share, int ready, int go, int done)
{
	struct turf_image *image;
	char byte = 0;
	if (turf_image_open(path, &image, NULL) < 0 ||
	    look_up(image, share, N_PROCESSES) < 1000)
		return 1;
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 0)
		return 2;
	byte = cost_of_mapping(path);
	return write(ready, &byte, 1) == 1 && read(done, &byte, 1) == 0 ? 0 : 2;
}

START_TEST(twenty_processes_share_every_page)
{
	char path[] = "/tmp/turf-share-XXXXXX";
	scoped(closep) int file = mkstemp(path);
	scoped(closep) int urf = build_self(0);
	struct mapping m;
	ck_assert_int_eq(turf_map_fd(urf, "urf", &m, NULL), 0);
	ck_assert_int_eq(turf_write_all(file, m.bytes.at, m.bytes.size), 0);
	turf_unmap(&m);
	int ready[2], go[2], done[2];
	ck_assert(pipe(ready) == 0 && pipe(go) == 0 && pipe(done) == 0);
	pid_t pids[N_PROCESSES];
	for (size_t i = 0; i < N_PROCESSES; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			close(go[1]);
			close(done[1]);
			_exit(child(path, i, ready[1], go[0], done[0]));
		}
	}
	close(ready[1]);
	char byte;
	for (size_t i = 0; i < N_PROCESSES; i++)
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(go[1]); /* all of them have it mapped now */
	for (size_t i = 0; i < N_PROCESSES; i++) {
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
		ck_assert_msg(byte == 0, "a process fails with %d", byte);
	}
	close(done[1]);
	for (size_t i = 0; i < N_PROCESSES; i++) {
		int status = -1;
		waitpid(pids[i], &status, 0);
		ck_assert_msg(status == 0, "process %zu: status %#x", i, status);
	}
	close(ready[0]);
	close(go[0]);
	close(done[0]);
	unlink(path);
}
END_TEST

START_TEST(a_look_up_allocates_nothing)
{
	scoped(closep) int urf = build_self(0);
	struct turf_image *image = open_urf(urf);
	ck_assert_uint_gt(n_allocations, 0); /* the build was counted: the trap works */
	size_t before = n_allocations;
	size_t n = look_up(image, 0, 1);
	size_t after = n_allocations; /* the framework's own come later */
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_eq(after, before);
	turf_image_close(image);
}
END_TEST

TESTS("build/share", twenty_processes_share_every_page, a_look_up_allocates_nothing)
