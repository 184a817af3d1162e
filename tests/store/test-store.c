/* SPDX-License-Identifier: MIT */
/*
 * What a store answers, and how often it builds. Files older than the store's grain of time are
 * files of the system, or ours after a wait.
 */
#include <pthread.h>
#include <time.h>

#include "lib/task.h"
#include "store/fake.h"

static const char old_file[] = "/usr/bin/env"; /* any file that nobody has touched lately */

/* Everything one question may answer. */
struct got {
	int r;
	struct turf_store_result result;
	struct turf_error err;
};

static struct got get_fd(struct fake *fake, int fd, const char *name)
{
	struct got got = { .result.size = sizeof(got.result) };
	struct turf_image *image = NULL;
	got.r = turf_store_get(fake->store, fd, name, &image, &got.result, &got.err);
	if (got.r == 0) {
		struct turf_image_info info;
		turf_image_info(image, &info);
		ck_assert_uint_eq(info.version, URF_VERSION);
	} else {
		ck_assert_ptr_null(image);
		ck_assert_int_eq(got.err.code, got.r);
	}
	turf_image_close(image);
	return got;
}

static struct got get(struct fake *fake, const char *path)
{
	scoped(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return get_fd(fake, fd, path);
}

static void expect_built(struct got got)
{
	ck_assert_msg(got.r == 0, "%d: %s", got.r, got.err.text);
	ck_assert(got.result.built && !got.result.waited);
	ck_assert_uint_eq(strlen(got.result.key), 32);
}

static void expect_found(struct got got)
{
	ck_assert_msg(got.r == 0, "%d: %s", got.r, got.err.text);
	ck_assert(!got.result.built && !got.result.waited);
}

static uint64_t hashed(const struct fake *fake)
{
	struct turf_store_stats stats = { .size = sizeof(stats) };
	turf_store_stats(fake->store, &stats);
	return stats.hashed;
}

/* A file in the test's folder. */
static const char *put_file(struct fake *fake, const char *name, const char *text)
{
	static char path[160];
	snprintf(path, sizeof(path), "%s/%s", fake->folder, name);
	unlink(path);
	fake_append(path, text);
	return path;
}

/* The same, too young to be remembered however slow we are: it says that it is yet to change.
 */
static const char *put_fresh_file(struct fake *fake, const char *name, const char *text)
{
	const char *path = put_file(fake, name, text);
	struct timespec later[2] = { { time(NULL) + 86400, 0 }, { time(NULL) + 86400, 0 } };
	ck_assert_int_eq(utimensat(AT_FDCWD, path, later, 0), 0);
	return path;
}

/* Until a file touched now is old enough to be remembered. */
static void settle(void)
{
	sleep(3);
}

/* An urf is not for writing. */
static void cut_short(const char *urf)
{
	ck_assert_int_eq(chmod(urf, 0600), 0);
	ck_assert_int_eq(truncate(urf, 100), 0);
}

static size_t n_files(const struct fake *fake, const char *folder)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/store/%s", fake->folder, folder);
	DIR *d = opendir(path);
	size_t n = 0;
	for (const struct dirent *e; d && (e = readdir(d));)
		n += e->d_name[0] != '.';
	if (d)
		closedir(d);
	return n;
}

START_TEST(misses_then_hits)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	const char *path = put_file(&fake, "source", "some bytes");
	struct got first = get(&fake, path);
	expect_built(first);
	ck_assert_int_eq(access(first.result.path, R_OK), 0);
	struct got second = get(&fake, path);
	expect_found(second);
	ck_assert_str_eq(first.result.key, second.result.key);
	ck_assert_str_eq(first.result.path, second.result.path);
	ck_assert_uint_eq(fake_builds(&fake), 1);
	ck_assert_uint_eq(n_files(&fake, "tmp"), 0);
	struct turf_store_stats stats = { .size = sizeof(stats) };
	turf_store_stats(fake.store, &stats);
	ck_assert(stats.asked == 2 && stats.found == 1 && stats.built == 1 && !stats.failed);
	ck_assert_uint_eq(stats.build_ns, first.result.build_ns);
	fake_close(&fake);
}
END_TEST

START_TEST(remembers_old_files)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	expect_built(get(&fake, old_file));
	ck_assert_uint_eq(hashed(&fake), 1);
	expect_found(get(&fake, old_file));
	ck_assert_uint_eq(hashed(&fake), 1);
	ck_assert_uint_eq(n_files(&fake, "memo"), 1);
	ck_assert_uint_eq(n_files(&fake, "hash"), 1);
	/* the hash is known under any name */
	scoped(closep) int fd = open(old_file, O_RDONLY | O_CLOEXEC);
	expect_found(get_fd(&fake, fd, "another name"));
	ck_assert_uint_eq(hashed(&fake), 1);
	fake_close(&fake);
}
END_TEST

START_TEST(does_not_remember_fresh_files)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	const char *path = put_fresh_file(&fake, "source", "fresh");
	expect_built(get(&fake, path));
	expect_found(get(&fake, path));
	ck_assert_uint_eq(hashed(&fake), 3); /* and once more behind the build */
	ck_assert_uint_eq(n_files(&fake, "memo") + n_files(&fake, "hash"), 0);
	fake_close(&fake);
}
END_TEST

START_TEST(survives_bent_memos)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	expect_built(get(&fake, old_file));
	char command[256];
	snprintf(command, sizeof(command),
	         "for f in %s/store/memo/* %s/store/hash/*; do printf X | "
	         "dd of=$f bs=1 seek=40 conv=notrunc status=none; done",
	         fake.folder, fake.folder);
	ck_assert_int_eq(system(command), 0);
	expect_found(get(&fake, old_file));
	ck_assert_uint_eq(hashed(&fake), 2);
	snprintf(command, sizeof(command), "truncate -s 50 %s/store/memo/* %s/store/hash/*",
	         fake.folder, fake.folder);
	ck_assert_int_eq(system(command), 0);
	expect_found(get(&fake, old_file));
	ck_assert_uint_eq(hashed(&fake), 3);
	fake_close(&fake);
}
END_TEST

START_TEST(knows_a_copy_by_its_bytes)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct got first = get(&fake, put_file(&fake, "one", "the same"));
	struct got second = get(&fake, put_file(&fake, "two", "the same"));
	expect_built(first);
	expect_found(second);
	ck_assert_str_eq(first.result.key, second.result.key);
	struct got third = get(&fake, put_file(&fake, "three", "the sane"));
	expect_built(third);
	ck_assert_str_ne(first.result.key, third.result.key);
	fake_close(&fake);
}
END_TEST

/* The source has new bytes, but name, size, inode and mtime are as they were. */
START_TEST(sees_through_a_restored_mtime)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	const char *path = put_file(&fake, "source", "before");
	settle();
	struct got first = get(&fake, path);
	ck_assert_uint_eq(n_files(&fake, "memo"), 1);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	scoped(closep) int fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, "after.", 6, 0), 6);
	ck_assert_int_eq(futimens(fd, (struct timespec[]){ st.st_atim, st.st_mtim }), 0);
	struct got second = get(&fake, path);
	expect_built(second);
	ck_assert_str_ne(first.result.key, second.result.key);
	fake_close(&fake);
}
END_TEST

START_TEST(sees_a_debug_file_come_and_go)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	snprintf(fake.input, sizeof(fake.input), "%s/debug", fake.folder);
	struct got without = get(&fake, old_file);
	expect_built(without);
	expect_found(get(&fake, old_file));
	ck_assert_uint_eq(hashed(&fake), 1);
	put_file(&fake, "debug", "names");
	struct got with = get(&fake, old_file);
	expect_built(with);
	ck_assert_str_ne(without.result.key, with.result.key);
	expect_found(get(&fake, old_file));
	put_file(&fake, "debug", "other names");
	expect_built(get(&fake, old_file));
	unlink(fake.input);
	struct got gone = get(&fake, old_file);
	expect_found(gone);
	ck_assert_str_eq(without.result.key, gone.result.key);
	fake_close(&fake);
}
END_TEST

START_TEST(reads_no_debug_file_twice)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	snprintf(fake.input, sizeof(fake.input), "%s", old_file);
	expect_built(get(&fake, put_fresh_file(&fake, "one", "source")));
	uint64_t before = hashed(&fake); /* the source twice, the debug file once */
	ck_assert_uint_eq(before, 3);
	expect_found(get(&fake, put_fresh_file(&fake, "two", "source")));
	ck_assert_uint_eq(hashed(&fake), before + 1);
	fake_close(&fake);
}
END_TEST

START_TEST(keeps_builders_apart)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct got first = get(&fake, old_file);
	char path[128];
	snprintf(path, sizeof(path), "%s/store", fake.folder);
	struct turf_store_options options = fake_options(&fake, path, 1);
	struct fake other = fake;
	ck_assert_int_eq(turf_store_open(&options, &other.store, NULL), 0);
	struct got second = get(&other, old_file);
	expect_built(second);
	ck_assert_str_ne(first.result.key, second.result.key);
	turf_store_close(other.store);
	fake_close(&fake);
}
END_TEST

/* Who takes another builder's urfs as well takes the one that there is, but its own first. */
START_TEST(takes_what_does_as_well)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	char path[128];
	snprintf(path, sizeof(path), "%s/store", fake.folder);
	struct turf_store_options options = fake_options(&fake, path, 7);
	struct fake other = fake, both = fake;
	ck_assert_int_eq(turf_store_open(&options, &other.store, NULL), 0);
	options.builder.id = 1;
	options.also = 7;
	ck_assert_int_eq(turf_store_open(&options, &both.store, NULL), 0);
	struct got hot = get(&other, old_file);
	expect_built(hot);
	for (int i = 0; i < 2; i++) { /* with and without a memo of its own name */
		scoped(closep) int fd = open(old_file, O_RDONLY | O_CLOEXEC);
		struct got got = get_fd(&both, fd, i ? "another name" : old_file);
		expect_found(got);
		ck_assert_str_eq(got.result.key, hot.result.key);
		got = get_fd(&both, fd, i ? "another name" : old_file);
		expect_found(got);
		ck_assert_str_eq(got.result.key, hot.result.key);
	}
	ck_assert_uint_eq(hashed(&both), 0);
	options.also = 0;
	struct fake own = fake;
	ck_assert_int_eq(turf_store_open(&options, &own.store, NULL), 0);
	struct got whole = get(&own, old_file);
	expect_built(whole);
	struct got got = get(&both, old_file);
	expect_found(got);
	ck_assert_str_eq(got.result.key, whole.result.key);
	ck_assert_int_eq(unlink(whole.result.path), 0);
	ck_assert_str_eq(get(&both, old_file).result.key, hot.result.key);
	ck_assert_int_eq(unlink(hot.result.path), 0);
	got = get(&both, old_file);
	expect_built(got);
	ck_assert_str_eq(got.result.key, whole.result.key);
	turf_store_close(own.store);
	turf_store_close(both.store);
	turf_store_close(other.store);
	fake_close(&fake);
}
END_TEST

START_TEST(gives_by_key)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct got got = get(&fake, old_file);
	struct turf_image *image = NULL;
	ck_assert_int_eq(turf_store_get_key(fake.store, got.result.key, &image, NULL), 1);
	turf_image_close(image);
	image = NULL;
	static const struct {
		const char *key;
		int expect;
	} cases[] = {
		{ "0123456789abcdef0123456789abcdef", 0 },
		{ "0123456789ABCDEF0123456789ABCDEF", -EINVAL },
		{ "../../../etc/passwd", -EINVAL },
		{ "", -EINVAL },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		int r = turf_store_get_key(fake.store, cases[i].key, &image, NULL);
		ck_assert_msg(r == cases[i].expect, "%s: %d", cases[i].key, r);
		ck_assert_ptr_null(image);
	}
	cut_short(got.result.path);
	ck_assert_int_eq(turf_store_get_key(fake.store, got.result.key, &image, NULL),
	                 -EBADMSG);
	fake_close(&fake);
}
END_TEST

START_TEST(rebuilds_a_damaged_urf)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	struct got first = get(&fake, old_file);
	cut_short(first.result.path);
	expect_built(get(&fake, old_file));
	expect_found(get(&fake, old_file));
	ck_assert_uint_eq(fake_builds(&fake), 2);
	/* evicted: the memo leads nowhere */
	unlink(first.result.path);
	expect_built(get(&fake, old_file));
	fake_close(&fake);
}
END_TEST

START_TEST(tells_failures)
{
	static const int codes[] = { -EBADMSG, -ENOTSUP, -ENOMEM, -ECANCELED, -ENOSPC };
	struct fake fake = { 0 };
	fake_open(&fake);
	for (size_t i = 0; i < COUNT(codes); i++) {
		fake.fail = codes[i];
		struct got got = get(&fake, old_file);
		ck_assert_int_eq(got.r, codes[i]);
		ck_assert_str_eq(got.err.text, "/usr/bin/env: told to fail");
		ck_assert_uint_eq(n_files(&fake, "tmp") + n_files(&fake, "urf") +
		                          n_files(&fake, "memo"),
		                  0);
	}
	fake.fail = 0;
	fake.garbage = true;
	ck_assert_int_eq(get(&fake, old_file).r, -EBADMSG);
	ck_assert_uint_eq(n_files(&fake, "tmp") + n_files(&fake, "urf"), 0);
	fake.garbage = false;
	expect_built(get(&fake, old_file));
	struct turf_store_stats stats = { .size = sizeof(stats) };
	turf_store_stats(fake.store, &stats);
	ck_assert(stats.failed == COUNT(codes) + 1 && stats.asked == stats.failed + 1);
	fake_close(&fake);
}
END_TEST

START_TEST(refuses_what_is_no_file)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	ck_assert_int_eq(get(&fake, "/dev/null").r, -ENOTSUP);
	ck_assert_int_eq(get(&fake, "/usr").r, -ENOTSUP);
	ck_assert_int_eq(get_fd(&fake, -1, "none").r, -EBADF);
	fake_close(&fake);
}
END_TEST

START_TEST(notices_a_change_during_the_build)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	const char *path = put_file(&fake, "source", "text");
	snprintf(fake.change, sizeof(fake.change), "%s", path);
	expect_built(get(&fake, path)); /* once more, with what it holds now */
	ck_assert_uint_eq(fake_builds(&fake), 2);
	ck_assert_uint_eq(n_files(&fake, "urf"), 1);
	fake_append(path, "again");
	snprintf(fake.change, sizeof(fake.change), "%s", path);
	fake.change_always = true;
	ck_assert_int_eq(get(&fake, path).r, -ESTALE);
	ck_assert_uint_eq(fake_builds(&fake), 4);
	ck_assert_uint_eq(n_files(&fake, "urf"), 1);
	/* the same of a debug file, and of a file that was old before */
	snprintf(fake.input, sizeof(fake.input), "%s/debug", fake.folder);
	snprintf(fake.change, sizeof(fake.change), "%s", fake.input);
	ck_assert_int_eq(get(&fake, old_file).r, -ESTALE);
	ck_assert_uint_eq(fake_builds(&fake), 6);
	fake_close(&fake);
}
END_TEST

/* Asks in a process of its own; the exit status tells what came. */
static int ask_and_tell(struct fake *fake)
{
	struct got got = get(fake, old_file);
	return got.r < 0 ? 3 : got.result.built ? 1 : got.result.waited ? 2 : 0;
}

enum { N_PROCESSES = 20, N_THREADS = 8 };

/* A build begins while all others wait for it, then ends. */
static void ask_at_once(struct fake *fake, size_t n_by_status[4])
{
	int hold[2];
	pid_t pids[N_PROCESSES];
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	fake->hold = hold[0];
	for (size_t i = 0; i < N_PROCESSES; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i])
			continue;
		close(hold[1]);
		_exit(ask_and_tell(fake));
	}
	for (size_t i = 0; i < N_PROCESSES; i++)
		wait_asleep(pids[i]);
	close(hold[1]);
	for (size_t i = 0; i < N_PROCESSES; i++) {
		int status;
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 4);
		n_by_status[WEXITSTATUS(status)]++;
	}
	close(hold[0]);
}

START_TEST(builds_once_for_many_processes)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	size_t n[4] = { 0 };
	ask_at_once(&fake, n);
	ck_assert_uint_eq(n[1], 1);
	ck_assert_uint_eq(n[2], N_PROCESSES - 1);
	ck_assert_uint_eq(fake_builds(&fake), 1);
	ck_assert_uint_eq(n_files(&fake, "tmp"), 0);
	ck_assert_uint_eq(n_files(&fake, "urf"), 1);
	fake_close(&fake);
}
END_TEST

START_TEST(fails_once_for_many_processes)
{
	struct fake fake = { .fail = -EBADMSG };
	fake_open(&fake);
	size_t n[4] = { 0 };
	ask_at_once(&fake, n);
	ck_assert_uint_eq(n[3], N_PROCESSES);
	ck_assert_uint_eq(fake_builds(&fake), 1);
	ck_assert_uint_eq(n_files(&fake, "tmp") + n_files(&fake, "urf"), 0);
	fake_close(&fake);
}
END_TEST

static void *ask_in_thread(void *ctx)
{
	struct fake *fake = ctx;
	struct turf_image *image = NULL;
	scoped(closep) int fd = open(old_file, O_RDONLY | O_CLOEXEC);
	int r = turf_store_get(fake->store, fd, old_file, &image, NULL, NULL);
	turf_image_close(image);
	return r == 0 ? ctx : NULL;
}

START_TEST(builds_once_for_many_threads)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	pthread_t threads[N_THREADS];
	int hold[2];
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	fake.hold = hold[0];
	for (size_t i = 0; i < N_THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_in_thread, &fake), 0);
	while (fake_builds(&fake) == 0)
		usleep(1000);
	close(hold[1]);
	for (size_t i = 0; i < N_THREADS; i++) {
		void *ret;
		pthread_join(threads[i], &ret);
		ck_assert_ptr_eq(ret, &fake);
	}
	struct turf_store_stats stats = { .size = sizeof(stats) };
	turf_store_stats(fake.store, &stats);
	ck_assert_uint_eq(stats.built, 1);
	ck_assert_uint_eq(stats.asked, N_THREADS);
	ck_assert_uint_eq(stats.found + stats.waited, N_THREADS - 1);
	ck_assert_uint_eq(fake_builds(&fake), 1);
	fake_close(&fake);
}
END_TEST

START_TEST(recovers_from_a_killed_builder)
{
	struct fake fake = { .die = true };
	fake_open(&fake);
	pid_t pid = fork();
	if (pid == 0)
		_exit(ask_and_tell(&fake));
	int status;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_uint_eq(n_files(&fake, "tmp"), 1);
	ck_assert_uint_eq(n_files(&fake, "urf"), 0);
	fake.die = false;
	expect_built(get(&fake, old_file));
	ck_assert_uint_eq(n_files(&fake, "tmp"), 0);
	expect_found(get(&fake, old_file));
	fake_close(&fake);
}
END_TEST

/* Those who wait for a builder that dies are not left alone. */
START_TEST(waits_for_a_builder_that_is_killed)
{
	struct fake fake = { .die = true };
	fake_open(&fake);
	int hold[2];
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	fake.hold = hold[0];
	pid_t dies = fork();
	if (dies == 0) {
		close(hold[1]);
		_exit(ask_and_tell(&fake));
	}
	wait_asleep(dies);
	fake.die = false;
	fake.hold = 0;
	pid_t waits = fork();
	if (waits == 0) {
		close(hold[1]);
		_exit(ask_and_tell(&fake));
	}
	wait_asleep(waits);
	close(hold[1]);
	int status;
	ck_assert_int_eq(waitpid(dies, &status, 0), dies);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(waitpid(waits, &status, 0), waits);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1); /* it has built */
	fake_close(&fake);
}
END_TEST

START_TEST(sweeps_leftovers)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	expect_built(get(&fake, put_file(&fake, "a", "a")));
	static const char held[] = "store/tmp/00000000000000000000000000000001";
	put_file(&fake, "store/tmp/00000000000000000000000000000002", "abandoned");
	put_file(&fake, "store/tmp/memo-0", "young");
	const char *old = put_file(&fake, "store/tmp/memo-1", "old");
	struct timespec long_ago[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };
	ck_assert_int_eq(utimensat(AT_FDCWD, old, long_ago, 0), 0);
	pid_t pid = fork(); /* another process is at work in it */
	if (pid == 0) {
		char c;
		int own = open(put_file(&fake, held, "at work"), O_RDWR | O_CLOEXEC);
		if (own < 0 || flock(own, LOCK_EX) < 0)
			_exit(1);
		fake_append(fake.log, "x");
		_exit(read(own, &c, 1) < 0 || pause());
	}
	while (fake_builds(&fake) < 2)
		usleep(1000);
	expect_built(get(&fake, put_file(&fake, "b", "b")));
	ck_assert_uint_eq(n_files(&fake, "tmp"), 2); /* the held one and the young one */
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	expect_built(get(&fake, put_file(&fake, "c", "c")));
	ck_assert_uint_eq(n_files(&fake, "tmp"), 1);
	fake_close(&fake);
}
END_TEST

START_TEST(serves_from_memory_when_the_disk_is_full)
{
	struct fake fake = { .fail = -ENOSPC, .fail_on_disk = true };
	fake_open(&fake);
	struct got got = get(&fake, old_file);
	expect_built(got);
	ck_assert_str_eq(got.result.path, "");
	ck_assert_uint_eq(n_files(&fake, "urf") + n_files(&fake, "tmp"), 0);
	fake_close(&fake);
}
END_TEST

/* To root nothing is read-only: the questions are asked by somebody else. */
static void become_nobody(void)
{
	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		abort();
}

START_TEST(reads_a_folder_it_cannot_write)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	const char *source = put_file(&fake, "source", "unknown");
	struct got stored = get(&fake, old_file);
	char command[256];
	snprintf(command, sizeof(command),
	         "chmod 0555 %s/store %s/store/*; chmod 0444 %s/store/*/*", fake.folder,
	         fake.folder, fake.folder);
	ck_assert_int_eq(system(command), 0);
	pid_t pid = fork();
	if (pid == 0) {
		become_nobody();
		struct got got = get(&fake, old_file);
		expect_found(got);
		ck_assert_str_eq(got.result.path, stored.result.path);
		got = get(&fake, source);
		expect_built(got);
		ck_assert_str_eq(got.result.path, "");
		_exit(0);
	}
	int status;
	waitpid(pid, &status, 0);
	ck_assert_int_eq(status, 0);
	snprintf(command, sizeof(command), "chmod -R u+w %s/store", fake.folder);
	ck_assert_int_eq(system(command), 0);
	fake_close(&fake);
}
END_TEST

START_TEST(goes_on_when_the_folder_is_removed)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	expect_built(get(&fake, old_file));
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s/store/*", fake.folder);
	ck_assert_int_eq(system(command), 0);
	struct got got = get(&fake, old_file);
	expect_built(got);
	ck_assert_int_eq(access(got.result.path, R_OK), 0);
	snprintf(command, sizeof(command), "rm -rf %s/store", fake.folder);
	ck_assert_int_eq(system(command), 0);
	got = get(&fake, old_file);
	expect_built(got);
	ck_assert_str_eq(got.result.path, "");
	fake_close(&fake);
}
END_TEST

START_TEST(refuses_folders)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	static char long_path[600];
	memset(long_path, 'x', sizeof(long_path) - 1);
	char in_file[200];
	snprintf(in_file, sizeof(in_file), "%s/deeper", put_file(&fake, "file", ""));
	const struct {
		const char *path;
		int expect;
		const char *text; /* that the error holds */
	} cases[] = {
		{ in_file, -ENOTDIR, in_file },
		{ "/proc/no/such", -ENOENT, "/proc/no/such: cannot open or make" },
		{ long_path, -ENAMETOOLONG, "longer than" },
		{ "", -EINVAL, "empty" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct turf_store_options options = fake_options(&fake, cases[i].path, 0);
		struct turf_store *store = NULL;
		struct turf_error err = { 0 };
		int r = turf_store_open(&options, &store, &err);
		ck_assert_msg(r == cases[i].expect, "%s: %d", cases[i].path, r);
		ck_assert_msg(strstr(err.text, cases[i].text), "%s", err.text);
		ck_assert_ptr_null(store);
	}
	fake_close(&fake);
}
END_TEST

START_TEST(makes_parents)
{
	struct fake fake = { 0 };
	fake_open(&fake);
	char path[128];
	snprintf(path, sizeof(path), "%s/a/b//c/", fake.folder);
	struct turf_store_options options = fake_options(&fake, path, 0);
	struct turf_store *store = NULL;
	ck_assert_int_eq(turf_store_open(&options, &store, NULL), 0);
	turf_store_close(store);
	struct stat st;
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	fake_close(&fake);
}
END_TEST

TESTS("store/store", misses_then_hits, remembers_old_files, does_not_remember_fresh_files,
      survives_bent_memos, knows_a_copy_by_its_bytes, sees_through_a_restored_mtime,
      sees_a_debug_file_come_and_go, reads_no_debug_file_twice, keeps_builders_apart,
      takes_what_does_as_well, gives_by_key, rebuilds_a_damaged_urf, tells_failures,
      refuses_what_is_no_file, notices_a_change_during_the_build,
      builds_once_for_many_processes, fails_once_for_many_processes,
      builds_once_for_many_threads, recovers_from_a_killed_builder,
      waits_for_a_builder_that_is_killed, sweeps_leftovers,
      serves_from_memory_when_the_disk_is_full, reads_a_folder_it_cannot_write,
      goes_on_when_the_folder_is_removed, refuses_folders, makes_parents)
