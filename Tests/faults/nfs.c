// Renames and removals as an NFS client has them. To be preloaded.
//
// NFS_RENAME=N: the N-th rename is done, but says ENOENT: the server did it, its answer was lost, and
// the client asked again. NFS_OPEN=TEXT: files whose path has TEXT count as open somewhere: removed,
// they stay as .nfs..., which cannot be removed in turn.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int renames, removals;

int rename(const char *from, const char *to) {
  const char *wanted = getenv("NFS_RENAME");
  long code = syscall(SYS_rename, from, to);
  if (code == 0 && wanted && __sync_add_and_fetch(&renames, 1) == atoi(wanted)) {
    errno = ENOENT;
    return -1;
  }
  return code;
}

int unlink(const char *path) {
  const char *open = getenv("NFS_OPEN"), *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char other[4096];
  if (strncmp(name, ".nfs", 4) == 0) {
    errno = EBUSY;
    return -1;
  }
  if (!open || !strstr(path, open)) return syscall(SYS_unlink, path);
  snprintf(other, sizeof other, "%.*s.nfs%08x", (int)(name - path), path,
           __sync_add_and_fetch(&removals, 1));
  return syscall(SYS_rename, path, other);
}
