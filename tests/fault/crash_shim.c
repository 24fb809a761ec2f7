/* The process dies at its n-th durable step. Preloaded into mailboxd by tests/fault; docs/testing.md says how it is used.
 *
 * Every call that changes what a file system holds or forces it to the disk is a step: writes to regular files, syncs,
 * creations, names, lengths, times. The steps are counted in a page of a file that the harness maps as well
 * (CRASH_SHIM_CONTROL), so that it can say at any moment "at the n-th step from now, of these kinds", and can read
 * afterwards at which step the process died; the page outlives the process.
 *
 * Standard output and error are the log and no step. A step that only a raw system call takes is not seen. Asked for it,
 * only the steps on files of the queue (a path with "/queue/") are counted down.
 *
 * The same library sabotages on demand, to prove that the harness would notice: CRASH_SHIM_SABOTAGE=fdatasync makes the
 * syncing of data a lie, =directory the syncing of directories and whole file systems. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum Kind { kWrite, kDataSync, kFileSync, kWholeSync, kRename, kLink, kUnlink, kCreate, kFolder, kLength, kTimes, kKinds };
enum Side { kBefore, kAfter, kMiddle };

/* As kill_mode.py packs it: little-endian, 8 bytes each. */
struct Control {
  _Atomic uint64_t armed;  /* 1: die when `left` steps of `kinds` have gone by */
  _Atomic uint64_t kinds;  /* bit mask of Kind */
  _Atomic int64_t left;
  _Atomic uint64_t side;
  _Atomic uint64_t total;  /* steps of all kinds since the page was made */
  _Atomic uint64_t died;   /* 1 + Kind of the step that was the last */
  _Atomic uint64_t of[kKinds];
  _Atomic uint64_t in_queue; /* 1: only steps on files of the queue bring it nearer */
};

static struct Control *control;
static int lie_about_data, lie_about_directories;

static void *next_of(const char *name)
{
  void *found = dlsym(RTLD_NEXT, name);
  if (!found) {
    fprintf(stderr, "crash_shim: libc has no %s\n", name);
    _exit(99);
  }
  return found;
}

/* The pointer is looked up once; a second look-up in a race finds the same. */
#define REAL(result, name, ...)                                                \
  static _Atomic(uintptr_t) looked_up;                                         \
  uintptr_t address_of_real = atomic_load(&looked_up);                         \
  if (!address_of_real) {                                                      \
    address_of_real = (uintptr_t)next_of(#name);                               \
    atomic_store(&looked_up, address_of_real);                                 \
  }                                                                            \
  result (*const real)(__VA_ARGS__) = (result(*)(__VA_ARGS__))address_of_real

__attribute__((constructor)) static void begin(void)
{
  const char *sabotage = getenv("CRASH_SHIM_SABOTAGE");
  const char *path = getenv("CRASH_SHIM_CONTROL");
  lie_about_data = sabotage && !strcmp(sabotage, "fdatasync");
  lie_about_directories = sabotage && !strcmp(sabotage, "directory");
  if (!path) return;
  const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
  if (fd < 0) _exit(98);
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  syscall(SYS_close, fd);
  if (page == MAP_FAILED) _exit(98);
  control = page;
}

static void die(enum Kind kind)
{
  atomic_store(&control->died, 1 + (uint64_t)kind);
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) syscall(SYS_pause);
}

/* With its harness gone the daemon goes too. Dropping root's privileges unties the two, so it is said again afterwards. */
static void tie_to_harness(void)
{
  static _Atomic uint64_t tied_as = UINT64_MAX;
  const uint64_t user = geteuid();
  if (atomic_exchange(&tied_as, user) != user) prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static int is_wanted_path(const char *path) { return path && strstr(path, "/queue/") != NULL; }

static int is_wanted_file(int fd)
{
  char link[64], path[1024];
  const int before = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  errno = before;
  if (length < 0) return 0;
  path[length] = 0;
  return is_wanted_path(path);
}

/* `where` is looked at only when the place counts. */
#define IN_PLACE(where) (!control || !atomic_load(&control->in_queue) || (where))

/* Answers the side on which this step is to be the last, or -1. Other threads go on meanwhile, as in any crash. */
static int count(enum Kind kind, int in_place)
{
  tie_to_harness();
  if (!control) return -1;
  atomic_fetch_add(&control->total, 1);
  atomic_fetch_add(&control->of[kind], 1);
  if (!in_place || !atomic_load(&control->armed) || !(atomic_load(&control->kinds) >> kind & 1)) return -1;
  if (atomic_fetch_sub(&control->left, 1) != 1) return -1;
  return (int)atomic_load(&control->side);
}

static int enter(enum Kind kind, int in_place)
{
  const int side = count(kind, in_place);
  if (side == kBefore) die(kind);
  return side >= 0;
}

static void leave(int last, enum Kind kind)
{
  if (!last) return;
  die(kind);
}

static int is_regular(int fd)
{
  struct stat status;
  const int before = errno;
  const int known = fd > 2 && !fstat(fd, &status) && S_ISREG(status.st_mode);
  errno = before;
  return known;
}

static int is_directory(int fd)
{
  struct stat status;
  return !fstat(fd, &status) && S_ISDIR(status.st_mode);
}

/* ---- writes */

/* For `side` middle a part of the bytes goes out and the process dies, as a large write may be cut by SIGKILL. */
#define STEP_OF_WRITE(fd, length, part)                                        \
  int last = 0;                                                                \
  if (is_regular(fd)) {                                                        \
    const int side = count(kWrite, IN_PLACE(is_wanted_file(fd)));              \
    if (side == kBefore) die(kWrite);                                          \
    if (side == kMiddle && (length) > 1) {                                     \
      (void)!(part);                                                           \
      die(kWrite);                                                             \
    }                                                                          \
    last = side >= 0;                                                          \
  }

ssize_t write(int fd, const void *bytes, size_t length)
{
  REAL(ssize_t, write, int, const void *, size_t);
  STEP_OF_WRITE(fd, length, real(fd, bytes, length / 2))
  const ssize_t done = real(fd, bytes, length);
  leave(last, kWrite);
  return done;
}

#define DEFINE_PWRITE(name)                                                    \
  ssize_t name(int fd, const void *bytes, size_t length, off_t offset)         \
  {                                                                            \
    REAL(ssize_t, name, int, const void *, size_t, off_t);                     \
    STEP_OF_WRITE(fd, length, real(fd, bytes, length / 2, offset))             \
    const ssize_t done = real(fd, bytes, length, offset);                      \
    leave(last, kWrite);                                                       \
    return done;                                                               \
  }
DEFINE_PWRITE(pwrite)
DEFINE_PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec *parts, int count_of_parts)
{
  REAL(ssize_t, writev, int, const struct iovec *, int);
  STEP_OF_WRITE(fd, count_of_parts, real(fd, parts, count_of_parts / 2))
  const ssize_t done = real(fd, parts, count_of_parts);
  leave(last, kWrite);
  return done;
}

#define DEFINE_PWRITEV(name)                                                   \
  ssize_t name(int fd, const struct iovec *parts, int n, off_t offset)         \
  {                                                                            \
    REAL(ssize_t, name, int, const struct iovec *, int, off_t);                \
    STEP_OF_WRITE(fd, n, real(fd, parts, n / 2, offset))                       \
    const ssize_t done = real(fd, parts, n, offset);                           \
    leave(last, kWrite);                                                       \
    return done;                                                               \
  }
DEFINE_PWRITEV(pwritev)
DEFINE_PWRITEV(pwritev64)

#define DEFINE_PWRITEV2(name)                                                  \
  ssize_t name(int fd, const struct iovec *parts, int n, off_t offset, int flags) \
  {                                                                            \
    REAL(ssize_t, name, int, const struct iovec *, int, off_t, int);           \
    if (lie_about_data) flags &= ~(RWF_DSYNC | RWF_SYNC);                      \
    STEP_OF_WRITE(fd, n, real(fd, parts, n / 2, offset, flags))                \
    const ssize_t done = real(fd, parts, n, offset, flags);                    \
    leave(last, kWrite);                                                       \
    return done;                                                               \
  }
DEFINE_PWRITEV2(pwritev2)
DEFINE_PWRITEV2(pwritev64v2)

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t length, unsigned flags)
{
  REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
  STEP_OF_WRITE(to, length, real(from, from_at, to, to_at, length / 2, flags))
  const ssize_t done = real(from, from_at, to, to_at, length, flags);
  leave(last, kWrite);
  return done;
}

#define DEFINE_SENDFILE(name)                                                  \
  ssize_t name(int to, int from, off_t *at, size_t length)                     \
  {                                                                            \
    REAL(ssize_t, name, int, int, off_t *, size_t);                            \
    STEP_OF_WRITE(to, length, real(to, from, at, length / 2))                  \
    const ssize_t done = real(to, from, at, length);                           \
    leave(last, kWrite);                                                       \
    return done;                                                               \
  }
DEFINE_SENDFILE(sendfile)
DEFINE_SENDFILE(sendfile64)

/* ---- syncs */

int fdatasync(int fd)
{
  REAL(int, fdatasync, int);
  const int last = enter(kDataSync, IN_PLACE(is_wanted_file(fd)));
  const int done = lie_about_data ? 0 : real(fd);
  leave(last, kDataSync);
  return done;
}

int fsync(int fd)
{
  REAL(int, fsync, int);
  const int last = enter(kFileSync, IN_PLACE(is_wanted_file(fd)));
  const int lie = lie_about_directories && is_directory(fd);
  const int data_lie = lie_about_data && is_regular(fd);
  const int done = lie || data_lie ? 0 : real(fd);
  leave(last, kFileSync);
  return done;
}

int syncfs(int fd)
{
  REAL(int, syncfs, int);
  const int last = enter(kWholeSync, 1);
  const int done = lie_about_directories || lie_about_data ? 0 : real(fd);
  leave(last, kWholeSync);
  return done;
}

void sync(void)
{
  REAL(void, sync, void);
  const int last = enter(kWholeSync, 1);
  if (!lie_about_directories && !lie_about_data) real();
  leave(last, kWholeSync);
}

int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags)
{
  REAL(int, sync_file_range, int, off64_t, off64_t, unsigned);
  const int last = enter(kWholeSync, 1);
  const int done = lie_about_data ? 0 : real(fd, offset, length, flags);
  leave(last, kWholeSync);
  return done;
}

int msync(void *address, size_t length, int flags)
{
  REAL(int, msync, void *, size_t, int);
  const int last = enter(kDataSync, 1);
  const int done = lie_about_data ? 0 : real(address, length, flags);
  leave(last, kDataSync);
  return done;
}

/* ---- names */

#define DEFINE_STEP(kind, where, name, parameters, arguments, ...)             \
  int name parameters                                                          \
  {                                                                            \
    REAL(int, name, __VA_ARGS__);                                              \
    const int last = enter(kind, IN_PLACE(where));                             \
    const int done = real arguments;                                           \
    leave(last, kind);                                                         \
    return done;                                                               \
  }

DEFINE_STEP(kRename, is_wanted_path(to), rename, (const char *from, const char *to), (from, to), const char *, const char *)
DEFINE_STEP(kRename, is_wanted_path(to), renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), int, const char *, int,
            const char *)
DEFINE_STEP(kRename, is_wanted_path(to), renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags), int,
            const char *, int, const char *, unsigned)
DEFINE_STEP(kLink, is_wanted_path(to), link, (const char *from, const char *to), (from, to), const char *, const char *)
DEFINE_STEP(kLink, is_wanted_path(to), linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), int,
            const char *, int, const char *, int)
DEFINE_STEP(kUnlink, is_wanted_path(path), unlink, (const char *path), (path), const char *)
DEFINE_STEP(kUnlink, is_wanted_path(path), unlinkat, (int at, const char *path, int flags), (at, path, flags), int, const char *, int)
DEFINE_STEP(kUnlink, is_wanted_path(path), rmdir, (const char *path), (path), const char *)
DEFINE_STEP(kUnlink, is_wanted_path(path), remove, (const char *path), (path), const char *)
DEFINE_STEP(kFolder, is_wanted_path(path), mkdir, (const char *path, mode_t mode), (path, mode), const char *, mode_t)
DEFINE_STEP(kFolder, is_wanted_path(path), mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), int, const char *, mode_t)
DEFINE_STEP(kLength, is_wanted_file(fd), ftruncate, (int fd, off_t length), (fd, length), int, off_t)
DEFINE_STEP(kLength, is_wanted_file(fd), ftruncate64, (int fd, off64_t length), (fd, length), int, off64_t)
DEFINE_STEP(kLength, is_wanted_file(fd), fallocate, (int fd, int mode, off_t at, off_t length), (fd, mode, at, length), int, int, off_t, off_t)
DEFINE_STEP(kLength, is_wanted_file(fd), fallocate64, (int fd, int mode, off64_t at, off64_t length), (fd, mode, at, length), int, int, off64_t,
            off64_t)
DEFINE_STEP(kLength, is_wanted_file(fd), posix_fallocate, (int fd, off_t at, off_t length), (fd, at, length), int, off_t, off_t)
DEFINE_STEP(kLength, is_wanted_file(fd), posix_fallocate64, (int fd, off64_t at, off64_t length), (fd, at, length), int, off64_t, off64_t)
DEFINE_STEP(kTimes, is_wanted_file(fd), futimens, (int fd, const struct timespec times[2]), (fd, times), int, const struct timespec *)
DEFINE_STEP(kTimes, is_wanted_path(path), utimensat, (int at, const char *path, const struct timespec times[2], int flags), (at, path, times, flags),
            int, const char *, const struct timespec *, int)

/* ---- creations, and the flags by which every write is a sync */

static int flags_of(int flags) { return lie_about_data ? flags & ~(O_DSYNC | (O_SYNC & ~O_DSYNC)) : flags; }

#define DEFINE_OPEN(name)                                                      \
  int name(const char *path, int flags, ...)                                   \
  {                                                                            \
    REAL(int, name, const char *, int, ...);                                   \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                              \
    const int creates = (flags & O_CREAT) != 0;                                \
    const int last = creates && enter(kCreate, IN_PLACE(is_wanted_path(path))); \
    const int fd = real(path, flags_of(flags), mode);                          \
    leave(last, kCreate);                                                      \
    return fd;                                                                 \
  }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                    \
  int name(int at, const char *path, int flags, ...)                           \
  {                                                                            \
    REAL(int, name, int, const char *, int, ...);                              \
    va_list more;                                                              \
    va_start(more, flags);                                                     \
    const mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                                              \
    const int creates = (flags & O_CREAT) != 0;                                \
    const int last = creates && enter(kCreate, IN_PLACE(is_wanted_path(path))); \
    const int fd = real(at, path, flags_of(flags), mode);                      \
    leave(last, kCreate);                                                      \
    return fd;                                                                 \
  }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)
