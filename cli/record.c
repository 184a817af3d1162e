/* SPDX-License-Identifier: MIT */
/*
 * turf record: sample a command, a process or the whole machine into a file.
 *
 * Whatever ends the recording - the command, the process, the time, Ctrl-C - gets readable in
 * one epoll descriptor, which the recorder watches; no signal handler runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "turf/profile.h"

static const char usage[] =
	"Usage: turf record [-a | -p PID] [OPTION...] [[--] COMMAND [ARGUMENT...]]\n"
	"Samples what a command, a process or (-a) all processes do, until the command or\n"
	"the process ends, the duration is over, or Ctrl-C. `turf report` shows the\n"
	"recording.\n"
	"\n"
	"  -a, --all            all processes (while COMMAND runs, if there is one)\n"
	"  -p, --pid PID        a running process, and what it starts\n"
	"  -F, --frequency HZ   samples a second and CPU (default: 99)\n"
	"  -d, --duration SECS  end after so many seconds; fractions are fine\n"
	"  -o, --output FILE    where to write (default: turf.data)\n"
	"      --stack BYTES    user stack kept of each sample until it is unwound, a\n"
	"                       multiple of 8 (default and most: 65528)\n"
	"      --no-bpf         do not learn of munmap and mremap by BPF\n"
	"  --debuginfo PATH     where separate debug files are, a folder or one of them;\n"
	"                       may be given several times (default: /usr/lib/debug)\n"
	"  --store DIR          where urfs are kept\n"
	"\n"
	"Exit status: that of COMMAND (128 + N if signal N killed it), else 0; 2 error.\n";

struct options {
	bool all, no_bpf;
	uint64_t pid; /* 0: none */
	uint64_t frequency, stack_size;
	double duration; /* seconds; 0: no end */
	const char *output;
	char **command; /* NULL: none */
};

struct session {
	struct options o;
	struct turf_store *store;
	struct turf_processes *table;
	struct turf_recorder *recorder;
	pid_t child;    /* 0: none */
	int gate;       /* the child waits for a byte here */
	int exec_errno; /* and tells here why it could not become the command */
	int stop_fd, signal_fd, timer_fd, pid_fd;
	sigset_t old_mask;
	int child_status; /* as waitpid() gives it */
	bool child_gone, we_ended_it;
};

static bool seconds(const char *text, double *ret)
{
	char *end;
	double n = strtod(text, &end);
	if (end == text || *end || !(n > 0) || n > 1e9)
		return false;
	*ret = n;
	return true;
}

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case 'a':
		o->all = true;
		return CLI_OK;
	case 'B':
		o->no_bpf = true;
		return CLI_OK;
	case 'p':
		return cli_number(optarg, 1, INT32_MAX, &o->pid)
		               ? CLI_OK
		               : cli_usage_error("-p %s: not a process id", optarg);
	case 'F':
		return cli_number(optarg, 1, TURF_RECORD_MAX_FREQUENCY, &o->frequency)
		               ? CLI_OK
		               : cli_usage_error("-F %s: not a frequency from 1 to %d", optarg,
		                                 TURF_RECORD_MAX_FREQUENCY);
	case 'd':
		return seconds(optarg, &o->duration)
		               ? CLI_OK
		               : cli_usage_error("-d %s: not a number of seconds", optarg);
	case 'S':
		return cli_number(optarg, 8, TURF_RECORD_STACK, &o->stack_size) &&
		                       o->stack_size % 8 == 0
		               ? CLI_OK
		               : cli_usage_error("--stack %s: not a multiple of 8 up to %d",
		                                 optarg, TURF_RECORD_STACK);
	default:
		o->output = optarg;
		return CLI_OK;
	}
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "pid", required_argument, NULL, 'p' },
		{ "frequency", required_argument, NULL, 'F' },
		{ "duration", required_argument, NULL, 'd' },
		{ "output", required_argument, NULL, 'o' },
		{ "stack", required_argument, NULL, 'S' },
		{ "no-bpf", no_argument, NULL, 'B' },
		CLI_DEBUGINFO,
		CLI_OPTIONS,
	};
	*o = (struct options){ .output = "turf.data" };
	for (int c; (c = cli_getopt(argc, argv, "+ap:F:d:o:", options, usage)) != -1;) {
		int status = parse_option(c, o);
		if (status != CLI_OK)
			return status;
	}
	if (optind < argc)
		o->command = argv + optind;
	if (o->pid && (o->all || o->command))
		return cli_usage_error("-p goes without -a and without a command");
	if (!o->pid && !o->all && !o->command)
		return cli_usage_error("what to record? -a, -p PID or a command");
	return CLI_OK;
}

/* A recording that cannot be written is better known of before it is made. */
static int check_output(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return cli_error(NULL, "%s: is a directory", path);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return CLI_OK;
	const char *slash = strrchr(path, '/');
	char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int status = folder && access(folder, W_OK | X_OK) < 0
	                     ? cli_error(NULL, "%s: %s", path, strerror(errno))
	                     : CLI_OK;
	free(folder);
	return status;
}

/*
 * The command: it waits before exec until sampling is set up, so that nothing of it is missed
 * and nothing of us is taken for it.
 */

static _Noreturn void become_command(const struct session *s, int gate, int told)
{
	char go;
	sigprocmask(SIG_SETMASK, &s->old_mask, NULL);
	if (read(gate, &go, 1) != 1)
		_exit(CLI_ERROR); /* no recording: its parent is gone or gave up */
	execvp(s->o.command[0], s->o.command);
	int why = errno;
	if (write(told, &why, sizeof(why)) < 0)
		_exit(CLI_ERROR);
	_exit(CLI_ERROR);
}

static int start_child(struct session *s)
{
	int gate[2], told[2];
	if (pipe2(gate, O_CLOEXEC) < 0)
		return cli_error(NULL, "pipe: %s", strerror(errno));
	if (pipe2(told, O_CLOEXEC) < 0) {
		close(gate[0]);
		close(gate[1]);
		return cli_error(NULL, "pipe: %s", strerror(errno));
	}
	pid_t child = fork();
	if (child == 0) {
		close(gate[1]); /* else it would wait for itself */
		become_command(s, gate[0], told[1]);
	}
	int why = errno;
	close(gate[0]);
	close(told[1]);
	s->gate = gate[1];
	s->exec_errno = told[0];
	if (child < 0)
		return cli_error(NULL, "fork: %s", strerror(why));
	s->child = child;
	return CLI_OK;
}

static int release_child(struct session *s)
{
	int why = 0;
	if (!s->child)
		return CLI_OK;
	if (write(s->gate, "", 1) != 1)
		return cli_error(NULL, "%s: %s", s->o.command[0], strerror(errno));
	/* exec closes the other end, so this tells 0 bytes as soon as the command runs */
	if (read(s->exec_errno, &why, sizeof(why)) == sizeof(why))
		return cli_error(NULL, "%s: %s", s->o.command[0], strerror(why));
	return CLI_OK;
}

static void end_child(struct session *s)
{
	if (!s->child || s->child_gone)
		return;
	if (waitpid(s->child, &s->child_status, WNOHANG) == 0) {
		s->we_ended_it = true;
		kill(s->child, SIGTERM);
		while (waitpid(s->child, &s->child_status, 0) < 0 && errno == EINTR)
			continue;
	}
	s->child_gone = true;
}

/* As perf does: what the command ended with. That we ended it is no failure of its own. */
static int exit_status(const struct session *s)
{
	if (!s->child)
		return CLI_OK;
	if (s->we_ended_it && WIFSIGNALED(s->child_status))
		return CLI_OK;
	if (WIFSIGNALED(s->child_status))
		return 128 + WTERMSIG(s->child_status);
	return WEXITSTATUS(s->child_status);
}

/*
 * What ends the recording.
 */

static int watch(const struct session *s, int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	return fd < 0 ? -1 : epoll_ctl(s->stop_fd, EPOLL_CTL_ADD, fd, &e);
}

static void block_signals(struct session *s, sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, &s->old_mask);
}

static int watch_ends(struct session *s)
{
	sigset_t set;
	block_signals(s, &set);
	s->stop_fd = epoll_create1(EPOLL_CLOEXEC);
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
	s->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (watch(s, s->signal_fd) < 0 || watch(s, s->timer_fd) < 0)
		return cli_error(NULL, "cannot wait for the end: %s", strerror(errno));
	if (!s->o.pid)
		return CLI_OK;
	s->pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)s->o.pid, 0);
	if (watch(s, s->pid_fd) < 0)
		return cli_error(NULL, "process %" PRIu64 ": %s", s->o.pid,
		                 errno == ESRCH || errno == EINVAL ? "there is none"
		                                                   : strerror(errno));
	return CLI_OK;
}

static void start_timer(const struct session *s)
{
	if (s->o.duration <= 0)
		return;
	time_t whole = (time_t)s->o.duration;
	struct itimerspec t = {
		.it_value = { whole, (long)((s->o.duration - (double)whole) * 1e9) + 1 }
	};
	timerfd_settime(s->timer_fd, 0, &t, NULL);
}

/*
 * The recording.
 */

static void print_note(void *ctx, const char *text)
{
	(void)ctx;
	cli_progress_clear();
	fprintf(stderr, "%s: note: %s\n", cli_name, text);
}

static char *command_text(char **command)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	if (!f)
		return NULL;
	for (char **word = command; word && *word; word++)
		fprintf(f, "%s%s", word == command ? "" : " ", *word);
	return fclose(f) == 0 ? text : NULL;
}

static int open_recorder(struct session *s)
{
	struct turf_error err = { 0 };
	cli_by_address = true;
	int status = cli_open_store(&s->store);
	if (status != CLI_OK)
		return status;
	if (turf_processes_new(s->store, &s->table, &err) < 0)
		return cli_error(&err, NULL);
	char *command = command_text(s->o.command);
	struct turf_record_options options = {
		.size = sizeof(options),
		.system_wide = s->o.all,
		.pid = s->child ? s->child : (pid_t)s->o.pid,
		.on_exec = s->child != 0,
		.frequency = (unsigned)s->o.frequency,
		.stack_size = s->o.stack_size,
		.stop_fd = s->stop_fd,
		.command = command,
		.note = print_note,
		.no_bpf = s->o.no_bpf,
	};
	int r = turf_recorder_open(s->table, &options, &s->recorder, &err);
	free(command);
	return r < 0 ? cli_error(&err, NULL) : CLI_OK;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void print_stacks(const struct turf_profile_stats *s)
{
	uint64_t end = s->stops[TURF_STOP_END];
	fprintf(stderr,
	        "  stacks   %" PRIu64 " of %" PRIu64
	        " unwound to the thread's start (%.1f %%), %" PRIu64 " truncated",
	        end, s->user_samples, percent(end, s->user_samples),
	        s->stops[TURF_STOP_TRUNCATED]);
	for (int i = TURF_STOP_TRUNCATED + 1; i < TURF_N_STOPS; i++)
		if (s->stops[i])
			fprintf(stderr, ", %" PRIu64 " %s", s->stops[i], turf_stop_name(i));
	fprintf(stderr, "\n  frames   %" PRIu64 ", %" PRIu64 " of them by frame pointer\n",
	        s->frames, s->frames_by_pointer);
}

static void print_urfs(const struct turf_store *store)
{
	struct turf_store_stats stats = { .size = sizeof(stats) };
	turf_store_stats(store, &stats);
	if (stats.built)
		fprintf(stderr, "  urfs     %" PRIu64 " built in %.3f s, ", stats.built,
		        (double)stats.build_ns / 1e9);
	else
		fputs("  urfs     nothing built, ", stderr);
	fprintf(stderr, "%" PRIu64 " found in the store", stats.found + stats.waited);
	if (stats.failed)
		fprintf(stderr, ", %" PRIu64 " files without", stats.failed);
	fputc('\n', stderr);
}

static void print_summary(const struct session *s, const struct turf_profile *profile)
{
	struct turf_profile_info info = { .size = sizeof(info) };
	struct stat st;
	turf_profile_info(profile, &info);
	const struct turf_profile_stats *stats = &info.stats;
	cli_progress_clear();
	fprintf(stderr, "%s: %s", cli_name, s->o.output);
	if (stat(s->o.output, &st) == 0 && S_ISREG(st.st_mode))
		fprintf(stderr, ", %.0f kB", (double)st.st_size / 1e3);
	fprintf(stderr,
	        "\n  samples  %" PRIu64 " in %.2f s (%" PRIu64 " of kernel threads), %" PRIu64
	        " lost, throttled %" PRIu64 " times\n",
	        stats->samples, (double)info.duration_ns / 1e9, stats->kernel_only,
	        stats->lost + stats->dropped, stats->throttled);
	if (stats->foreign)
		fprintf(stderr,
		        "  foreign  %" PRIu64 " samples of programs for other machines\n",
		        stats->foreign);
	if (stats->late || stats->malformed)
		fprintf(stderr, "  records  %" PRIu64 " out of order, %" PRIu64 " unreadable\n",
		        stats->late, stats->malformed);
	const char *unfollowed = turf_recorder_unmaps_error(s->recorder);
	if (unfollowed && !s->o.no_bpf)
		fprintf(stderr, "  memory   that is unmapped or moved is not told of (%s)\n",
		        unfollowed);
	print_stacks(stats);
	print_urfs(s->store);
}

static int keep(struct session *s)
{
	struct turf_profile *profile;
	struct turf_error err = { 0 };
	if (turf_recorder_finish(s->recorder, &profile, &err) < 0)
		return cli_error(&err, NULL);
	int status = CLI_OK;
	if (turf_profile_save(profile, s->o.output, &err) < 0)
		status = cli_error(&err, "%s", s->o.output);
	else
		print_summary(s, profile);
	turf_profile_close(profile);
	return status;
}

static int record(struct session *s)
{
	int status = check_output(s->o.output);
	if (status == CLI_OK)
		status = watch_ends(s);
	if (status == CLI_OK && s->o.command)
		status = start_child(s);
	if (status == CLI_OK)
		status = open_recorder(s);
	if (status == CLI_OK)
		status = release_child(s);
	if (status != CLI_OK)
		return status;
	start_timer(s);
	struct turf_error err = { 0 };
	if (turf_recorder_run(s->recorder, &err) < 0)
		status = cli_error(&err, NULL);
	end_child(s);
	int kept = keep(s);
	if (kept != CLI_OK || status != CLI_OK)
		return CLI_ERROR;
	return exit_status(s);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void close_session(struct session *s)
{
	turf_recorder_close(s->recorder);
	turf_processes_free(s->table);
	if (s->store)
		turf_store_close(s->store);
	close_fd(s->gate); /* a child that still waits there ends */
	end_child(s);
	close_fd(s->exec_errno);
	close_fd(s->stop_fd);
	close_fd(s->signal_fd);
	close_fd(s->timer_fd);
	close_fd(s->pid_fd);
}

int cmd_record(int argc, char **argv)
{
	struct session s = { .gate = -1,
		             .exec_errno = -1,
		             .stop_fd = -1,
		             .signal_fd = -1,
		             .timer_fd = -1,
		             .pid_fd = -1 };
	int status = parse(argc, argv, &s.o);
	if (status == CLI_OK)
		status = record(&s);
	close_session(&s);
	return status;
}
