/* Counts what a process writes below a folder, and stops at one of these events: a library for
 * LD_PRELOAD, armed by kill_everywhere.py in a forked child.
 *
 * An event is a call that changes a file or folder: open for writing, write, truncate, rename, link,
 * remove, make a folder. Modes: 0 counts; 1 kills before the event; 2 kills in its middle, when half
 * of the bytes are written; 3 is a full disk from the event on, of which half the bytes still fit.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[4096] = "";
static volatile long count = 0, stop_at = 0;
static volatile int mode = 0;
static char kinds[1 << 20] = "";

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

void write_events_arm(const char *below, long at, int how) {
    snprintf(folder, sizeof folder, "%s", below);
    count = 0;
    memset(kinds, 0, sizeof kinds);
    stop_at = at;
    mode = how;
}

long write_events_count(void) { return count; }

/* 'b' for an event with bytes, of which half can happen. */
const char *write_events_kinds(void) { return kinds; }

static int below(const char *path) {
    return folder[0] && path && !strncmp(path, folder, strlen(folder));
}

static int below_at(int at, const char *path) {
    char base[4096], whole[8300];
    if (!folder[0] || !path) return 0;
    if (path[0] == '/') return below(path);
    if (at == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) return 0;
    } else {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t n = readlink(link, base, sizeof base - 1);
        if (n < 0) return 0;
        base[n] = 0;
    }
    snprintf(whole, sizeof whole, "%s/%s", base, path);
    return below(whole);
}

static int of_file(int fd) {
    char link[64], path[4096];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return below(path);
}

static void end(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* Return -1 if the event has to fail, 1 if half of it has to happen, else 0. */
static int event(int fills, char kind) {
    long now = __sync_add_and_fetch(&count, 1);
    if (now < (long)sizeof kinds) kinds[now - 1] = kind;
    if (!stop_at || now < stop_at) return 0;
    if (mode == 1 && now == stop_at) end();
    if (mode == 2 && now == stop_at) return 1;
    if (mode == 3 && fills) {
        if (now == stop_at) return 1;
        errno = ENOSPC;
        return -1;
    }
    return 0;
}

/* Of an event without bytes: happen, then end; or fail. */
#define BRACKET(is_below, fills, call)             \
    int told = (is_below) ? event(fills, 'e') : 0;      \
    if (told < 0) return -1;                       \
    if (told > 0 && mode == 3) {                   \
        errno = ENOSPC;                            \
        return -1;                                 \
    }                                              \
    __typeof__(call) done = (call);                \
    if (told > 0) end();                           \
    return done;

static int creates(int flags) { return (flags & (O_CREAT | O_TRUNC)) != 0; }

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t bits = va_arg(rest, mode_t);                                            \
        va_end(rest);                                                                  \
        BRACKET(creates(flags) && below_at(AT_FDCWD, path), 1, NEXT(name)(path, flags, bits)) \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                   \
    int name(int at, const char *path, int flags, ...) {                               \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t bits = va_arg(rest, mode_t);                                            \
        va_end(rest);                                                                  \
        BRACKET(creates(flags) && below_at(at, path), 1, NEXT(name)(at, path, flags, bits)) \
    }
OPENAT(openat)
OPENAT(openat64)

/* Of an event with bytes: half of them, then the end, or a short count. */
#define WRITE(half, whole)                     \
    int told = of_file(fd) ? event(1, 'b') : 0;     \
    if (told < 0) return -1;                   \
    if (told > 0) {                            \
        ssize_t some = (half);                 \
        if (mode == 2) end();                  \
        if (some <= 0) errno = ENOSPC;         \
        return some > 0 ? some : -1;           \
    }                                          \
    return (whole);

ssize_t write(int fd, const void *data, size_t n) {
    WRITE(n > 1 ? NEXT(write)(fd, data, n / 2) : 0, NEXT(write)(fd, data, n))
}
ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    WRITE(n > 1 ? NEXT(pwrite)(fd, data, n / 2, at) : 0, NEXT(pwrite)(fd, data, n, at))
}
ssize_t pwrite64(int fd, const void *data, size_t n, off64_t at) {
    WRITE(n > 1 ? NEXT(pwrite64)(fd, data, n / 2, at) : 0, NEXT(pwrite64)(fd, data, n, at))
}
ssize_t writev(int fd, const struct iovec *data, int n) {
    WRITE(NEXT(write)(fd, data[0].iov_base, data[0].iov_len / 2), NEXT(writev)(fd, data, n))
}
ssize_t sendfile(int fd, int from, off_t *at, size_t n) {
    WRITE(NEXT(sendfile)(fd, from, at, n / 2), NEXT(sendfile)(fd, from, at, n))
}
ssize_t sendfile64(int fd, int from, off64_t *at, size_t n) {
    WRITE(NEXT(sendfile64)(fd, from, at, n / 2), NEXT(sendfile64)(fd, from, at, n))
}
ssize_t copy_file_range(int from, off64_t *a, int fd, off64_t *b, size_t n, unsigned flags) {
    WRITE(NEXT(copy_file_range)(from, a, fd, b, n / 2, flags),
          NEXT(copy_file_range)(from, a, fd, b, n, flags))
}
int ftruncate(int fd, off_t n) { BRACKET(of_file(fd), 0, NEXT(ftruncate)(fd, n)) }
int ftruncate64(int fd, off64_t n) { BRACKET(of_file(fd), 0, NEXT(ftruncate64)(fd, n)) }
int rename(const char *from, const char *to) {
    BRACKET(below_at(AT_FDCWD, to), 0, NEXT(rename)(from, to))
}
int renameat(int a, const char *from, int b, const char *to) {
    BRACKET(below_at(b, to), 0, NEXT(renameat)(a, from, b, to))
}
int link(const char *from, const char *to) { BRACKET(below_at(AT_FDCWD, to), 0, NEXT(link)(from, to)) }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    BRACKET(below_at(b, to), 0, NEXT(linkat)(a, from, b, to, flags))
}
int symlink(const char *from, const char *to) { BRACKET(below(to), 1, NEXT(symlink)(from, to)) }
int unlink(const char *path) { BRACKET(below_at(AT_FDCWD, path), 0, NEXT(unlink)(path)) }
int unlinkat(int at, const char *path, int flags) {
    BRACKET(below_at(at, path), 0, NEXT(unlinkat)(at, path, flags))
}
int rmdir(const char *path) { BRACKET(below_at(AT_FDCWD, path), 0, NEXT(rmdir)(path)) }
int mkdir(const char *path, mode_t bits) { BRACKET(below_at(AT_FDCWD, path), 1, NEXT(mkdir)(path, bits)) }
int mkdirat(int at, const char *path, mode_t bits) {
    BRACKET(below_at(at, path), 1, NEXT(mkdirat)(at, path, bits))
}
